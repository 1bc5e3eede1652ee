//! Reads a source, or the beginning of a stream, to learn about it.

use std::borrow::Cow;

use lakeward_phi::{Kind, detect};

use super::{Object, Shape};
use crate::{
    breaker::Breaker,
    error::{Error, Result},
    json::{self, Json},
    source::{Body, Lines, Reason, Records},
    value,
};

/// Columns that a source may have.
const COLUMNS: usize = 10_000;
/// Records of the first batch, and of each later one, whose values are kept as samples.
const FIRST: usize = 256;
const LATER: usize = 16;

/// What was learnt.
#[derive(Debug)]
pub(crate) struct Studied {
    /// Columns in the order of the source.
    pub(crate) columns: Vec<(String, Shape)>,
    pub(crate) of_json: bool,
    /// What all of them are, keyed.
    pub(crate) chain: String,
}

/// Looks at every record. With `judge`, too many that cannot be taken apart are an error here,
/// before anything was written.
pub(crate) fn study(mut records: Records, judge: bool) -> Result<Studied> {
    let mut root = Object::default();
    let of_json = records.header().is_none();
    let header = records.header().unwrap_or_default();
    check_header(header)?;
    let mut fields: Vec<Shape> = header.iter().map(|_| Shape::default()).collect();
    let names = header.to_vec();
    let mut breaker = Breaker::default();
    let mut seen = 0;
    while let Some(batch) = records.next()? {
        let samples = if seen == 0 { FIRST } else { LATER };
        seen = batch.last;
        let mut bad: Vec<Reason> = batch.bad.iter().map(|bad| bad.reason).collect();
        match &batch.body {
            Body::Csv(batch) => {
                let rows = batch.ends.len() / batch.width.max(1);
                for (column, shape) in fields.iter_mut().enumerate() {
                    for row in 0..rows {
                        shape.add_field(batch.get(row, column), row < samples);
                    }
                }
            }
            Body::Json(lines) => {
                for row in 0..lines.len() {
                    match object(lines, row)? {
                        Ok(members) => add_members(&mut root, &members, row < samples)?,
                        Err(reason) => bad.push(reason),
                    }
                }
            }
        }
        if judge {
            breaker.add(batch.numbers.len() + batch.bad.len(), &bad)?;
        }
    }
    if judge {
        breaker.finish()?;
    }
    let columns = if of_json {
        root.members
    } else {
        names.into_iter().zip(fields).collect()
    };
    if columns.is_empty() {
        return Err(Error::source_is("the source holds no record"));
    }
    Ok(Studied {
        columns,
        of_json,
        chain: records.chain(),
    })
}

/// The members of an object.
pub(crate) type Members<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

/// A line's members, or why it is bad. A last line that is cut off is an error of the source.
pub(crate) fn object(lines: &Lines, row: usize) -> Result<Result<Members<'_>, Reason>> {
    match json::parse(lines.get(row)) {
        Ok(Json::Object(members)) => Ok(Ok(members)),
        Ok(_) => Ok(Err(Reason::NotObject)),
        Err((Reason::NotJson, true)) if lines.unended && row + 1 == lines.len() => {
            let line = lines.lines.get(row).copied().unwrap_or_default();
            Err(Error::source_at(
                "the source is cut off in its last record",
                line,
            ))
        }
        Err((reason, _)) => Ok(Err(reason)),
    }
}

fn add_members(
    root: &mut Object,
    members: &[(Cow<'_, str>, Json<'_>)],
    sample: bool,
) -> Result<()> {
    for (hint, (key, value)) in members.iter().enumerate() {
        // What is no name is met again as an unknown column.
        if is_no_name(key) {
            continue;
        }
        let shape = root.member(key, hint, COLUMNS).ok_or(Error::source_is(
            "the records have more than 10000 different keys",
        ))?;
        shape.add(value, sample, 0);
    }
    Ok(())
}

/// Values in place of names: a source without a header, or a map that is keyed by identifiers.
fn check_header(header: &[String]) -> Result<()> {
    if header.len() > COLUMNS {
        return Err(Error::source_at(
            "the header has more than 10000 columns",
            1,
        ));
    }
    let filled = header.iter().filter(|name| !name.trim().is_empty()).count();
    if !header.is_empty() && (filled == 0 || header.iter().any(|name| is_no_name(name))) {
        return Err(Error::source_at(
            "the first line holds values and not the columns' names: a header is needed",
            1,
        ));
    }
    Ok(())
}

/// Whether a name is really a value: a number (years aside), a date, or an identifier.
pub(crate) fn is_no_name(name: &str) -> bool {
    let name = name.trim();
    if name.is_empty() || name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_') {
        return false;
    }
    if !name.bytes().any(|b| b.is_ascii_digit() || b == b'@') {
        return false;
    }
    let year = name.len() == 4 && name.bytes().all(|b| b.is_ascii_digit());
    let number = value::double(name).is_some()
        || name.bytes().all(|b| {
            b.is_ascii_digit() || matches!(b, b'-' | b'.' | b' ' | b'/' | b'(' | b')' | b'+')
        });
    if year {
        return false;
    }
    let identifier = |kind| {
        matches!(
            kind,
            Kind::Ssn
                | Kind::Phone
                | Kind::Fax
                | Kind::Email
                | Kind::Date
                | Kind::Mrn
                | Kind::Url
                | Kind::Ip
                | Kind::HealthPlan
                | Kind::Account
        )
    };
    number
        || value::timestamp(name).is_some()
        || detect::standard()
            .find(name, None)
            .iter()
            .any(|finding| identifier(finding.kind))
}
