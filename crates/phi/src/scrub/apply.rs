//! One value through one transform.

use std::{borrow::Cow, fmt::Write as _, sync::Arc};

use lakeward_domain::TokenKey;

use super::{Transform, scrub_kinds};
use crate::{Detector, detect, transform, zip3};

/// Gives the key of a token domain.
pub type Keys<'a> = dyn Fn(&str) -> Arc<dyn TokenKey> + 'a;

/// What became of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// It stays.
    Kept,
    /// It is this text now.
    Changed(String),
    /// It is NULL now.
    Null,
    /// The transform cannot treat it, for a reason that does not tell the value. The row belongs into
    /// quarantine.
    Failed(&'static str),
}

/// Applies a transform to a value that is not NULL, texts being scrubbed by the standard detector.
#[must_use]
pub fn apply(transform: &Transform, value: &str, keys: &Keys<'_>) -> Applied {
    apply_with(transform, detect::standard(), None, value, keys)
}

/// Applies a transform to a value that is not NULL, with the policy's detector and the column's name.
#[must_use]
pub fn apply_with(
    action: &Transform,
    detector: &Detector,
    column: Option<&str>,
    value: &str,
    keys: &Keys<'_>,
) -> Applied {
    let blank = value.trim().is_empty();
    match action {
        Transform::Keep => Applied::Kept,
        Transform::Drop | Transform::Null => Applied::Null,
        Transform::Redact(text) | Transform::Constant(text) => Applied::Changed(text.clone()),
        Transform::Quarantine => Applied::Failed("the policy does not know the column"),
        _ if blank => Applied::Null,
        Transform::Year { as_of } => match transform::year_of(value) {
            None => Applied::Failed("not a date"),
            Some(_) => transform::year_capped(value, *as_of)
                .map_or(Applied::Null, |year| Applied::Changed(year.to_string())),
        },
        Transform::Zip3(table) => Applied::Changed(zip3::zip3_by(value, *table)),
        Transform::AgeCap => age(value),
        Transform::Token { domain, kind } => match transform::normalise(value, *kind) {
            None => Applied::Null,
            Some(normal) => Applied::Changed(hex(&keys(domain).token(normal.as_bytes())[..16])),
        },
        Transform::ShowFirst4 => Applied::Changed(transform::show_first_4(value)),
        Transform::ShowLast4 => Applied::Changed(transform::show_last_4(value)),
        Transform::Alphanum => Applied::Changed(transform::alphanum_mask(value)),
        Transform::ScrubText(kinds) => match scrub_kinds(detector, value, column, *kinds).0 {
            Cow::Borrowed(_) => Applied::Kept,
            Cow::Owned(text) => Applied::Changed(text),
        },
    }
}

fn age(value: &str) -> Applied {
    let value = value.trim();
    let (number, plus) = value
        .strip_suffix('+')
        .map_or((value, false), |number| (number, true));
    let whole = number.split_once('.').map_or(number, |(whole, _)| whole);
    match whole.parse::<i64>() {
        Ok(age) if age > transform::OLDEST => Applied::Changed(transform::age_label(age)),
        Ok(age) if age >= 0 && !plus => Applied::Kept,
        _ => Applied::Failed("not an age"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
