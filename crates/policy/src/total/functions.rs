//! The functions that a policy may call: the one table of what cannot fail.

use std::ops::RangeInclusive;

use sqlparser::ast::Expr;

use super::{Check, Kind};
use crate::{
    Error, Result,
    fold::REQUESTER_FUNCTIONS,
    syntax::{Literal, literal},
};

/// What an argument must be.
#[derive(Debug, Clone, Copy)]
enum Arg {
    /// Text.
    Text,
    /// A text literal.
    TextLiteral,
    /// A whole-number literal in this range.
    Number(i64, i64),
    /// A whole number.
    Int,
    /// A date or timestamp.
    Time,
    /// A date, timestamp or text.
    TimeOrText,
    /// A part of a date, as a literal.
    TimePart,
    /// A regular expression that compiles, as a literal.
    Pattern,
    /// `g`, as a literal.
    Global,
}

struct Signature {
    name: &'static str,
    arguments: &'static [Arg],
    /// How many of them may be missing, from the end.
    optional: usize,
    /// Whether the last one may come again and again.
    repeats: bool,
    yields: Kind,
}

const fn call(name: &'static str, arguments: &'static [Arg], yields: Kind) -> Signature {
    Signature {
        name,
        arguments,
        optional: 0,
        repeats: false,
        yields,
    }
}

/// Lengths beyond this could exhaust memory by a policy's own doing.
const MAX_LENGTH: i64 = 1_000;
const ANY_NUMBER: Arg = Arg::Number(i32::MIN as i64, i32::MAX as i64);

use Arg::{Global, Int, Number, Pattern, Text, TextLiteral, Time, TimeOrText, TimePart};

const TABLE: &[Signature] = &[
    call("lower", &[Text], Kind::Text),
    call("upper", &[Text], Kind::Text),
    call("initcap", &[Text], Kind::Text),
    call("reverse", &[Text], Kind::Text),
    call("length", &[Text], Kind::Int),
    call("char_length", &[Text], Kind::Int),
    call("character_length", &[Text], Kind::Int),
    call("octet_length", &[Text], Kind::Int),
    call("bit_length", &[Text], Kind::Int),
    call("ascii", &[Text], Kind::Int),
    Signature {
        optional: 1,
        ..call("trim", &[Text, Text], Kind::Text)
    },
    Signature {
        optional: 1,
        ..call("btrim", &[Text, Text], Kind::Text)
    },
    Signature {
        optional: 1,
        ..call("ltrim", &[Text, Text], Kind::Text)
    },
    Signature {
        optional: 1,
        ..call("rtrim", &[Text, Text], Kind::Text)
    },
    call("left", &[Text, ANY_NUMBER], Kind::Text),
    call("right", &[Text, ANY_NUMBER], Kind::Text),
    Signature {
        optional: 1,
        ..call(
            "substr",
            &[Text, Number(1, i32::MAX as i64), Number(0, i32::MAX as i64)],
            Kind::Text,
        )
    },
    Signature {
        optional: 1,
        ..call(
            "substring",
            &[Text, Number(1, i32::MAX as i64), Number(0, i32::MAX as i64)],
            Kind::Text,
        )
    },
    call(
        "split_part",
        &[Text, TextLiteral, Number(1, MAX_LENGTH)],
        Kind::Text,
    ),
    Signature {
        repeats: true,
        ..call("concat", &[Text], Kind::Text)
    },
    Signature {
        repeats: true,
        ..call("concat_ws", &[TextLiteral, Text], Kind::Text)
    },
    call("starts_with", &[Text, Text], Kind::Bool),
    call("ends_with", &[Text, Text], Kind::Bool),
    call("contains", &[Text, Text], Kind::Bool),
    call("strpos", &[Text, Text], Kind::Int),
    call("replace", &[Text, TextLiteral, TextLiteral], Kind::Text),
    call("translate", &[Text, TextLiteral, TextLiteral], Kind::Text),
    call("repeat", &[Text, Number(0, MAX_LENGTH)], Kind::Text),
    Signature {
        optional: 1,
        ..call(
            "lpad",
            &[Text, Number(0, MAX_LENGTH), TextLiteral],
            Kind::Text,
        )
    },
    Signature {
        optional: 1,
        ..call(
            "rpad",
            &[Text, Number(0, MAX_LENGTH), TextLiteral],
            Kind::Text,
        )
    },
    Signature {
        optional: 1,
        ..call(
            "regexp_replace",
            &[Text, Pattern, TextLiteral, Global],
            Kind::Text,
        )
    },
    call("regexp_like", &[Text, Pattern], Kind::Bool),
    call("md5", &[Text], Kind::Text),
    call("sha224", &[Text], Kind::Binary),
    call("sha256", &[Text], Kind::Binary),
    call("sha384", &[Text], Kind::Binary),
    call("sha512", &[Text], Kind::Binary),
    call("date_part", &[TimePart, Time], Kind::Int),
    // The engine's own.
    call("hipaa_zip3", &[Text], Kind::Text),
    call("hipaa_year", &[TimeOrText], Kind::Unknown),
    call("hipaa_age", &[Int], Kind::Int),
    call("mask_show_last_4", &[Text], Kind::Text),
    call("mask_show_first_4", &[Text], Kind::Text),
    call("mask_alphanum", &[Text], Kind::Text),
    call("token", &[TextLiteral, Text], Kind::Text),
];

/// Functions whose answer is one of their arguments.
const CHOOSING: &[&str] = &[
    "coalesce", "nvl", "ifnull", "nullif", "nvl2", "if", "iff", "greatest", "least",
];

/// Known, and no use here, with what to use instead.
const FALLIBLE: &[(&str, &str)] = &[
    ("to_date", "use TRY_CAST"),
    ("to_timestamp", "use TRY_CAST"),
    ("to_timestamp_micros", "use TRY_CAST"),
    ("to_number", "use TRY_CAST"),
    ("to_char", "use EXTRACT"),
    ("date_format", "use EXTRACT"),
    ("date_trunc", "use hipaa_year or EXTRACT"),
    ("date_bin", "use hipaa_year or EXTRACT"),
    ("make_date", "use TRY_CAST"),
    ("chr", "write the character as a literal"),
    ("power", "use multiplication"),
    ("factorial", "use multiplication"),
    ("abs", "use CASE"),
    ("decode", "use another expression"),
    ("encode", "use another expression"),
    ("arrow_cast", "use TRY_CAST"),
    ("try_divide", "use NULLIF"),
];

/// Different at each call: a mask that changes can be averaged away.
const VOLATILE: &[&str] = &[
    "random",
    "rand",
    "uuid",
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtimestamp",
    "localtime",
    "today",
    "getdate",
];

/// Whether a name is taken by a function of the engine or of this lake, so that nobody can put
/// another in its place.
#[must_use]
pub fn is_built_in(name: &str) -> bool {
    REQUESTER_FUNCTIONS.contains(&name)
        || CHOOSING.contains(&name)
        || VOLATILE.contains(&name)
        || TABLE.iter().any(|signature| signature.name == name)
        || FALLIBLE.iter().any(|(fallible, _)| *fallible == name)
}

pub(super) fn check(checking: &Check<'_>, name: &str, arguments: &[&Expr]) -> Result<Kind> {
    if REQUESTER_FUNCTIONS.contains(&name) {
        return requester(name, arguments);
    }
    if CHOOSING.contains(&name) {
        return choosing(checking, name, arguments);
    }
    if let Some(signature) = TABLE.iter().find(|signature| signature.name == name) {
        return fits(checking, signature, arguments);
    }
    if let Some((_, instead)) = FALLIBLE.iter().find(|(fallible, _)| *fallible == name) {
        return Err(Error::NotTotal(format!(
            "{name} can fail on some value; {instead}"
        )));
    }
    if VOLATILE.contains(&name) {
        return Err(Error::Invalid(format!(
            "{name} is volatile and not allowed in a policy"
        )));
    }
    Err(Error::Invalid(format!(
        "function {name} is not known, or not allowed in a policy"
    )))
}

fn requester(name: &str, arguments: &[&Expr]) -> Result<Kind> {
    match (name, arguments) {
        ("is_member" | "is_account_group_member", [group]) => match literal(group) {
            Some(Literal::Text(_)) => Ok(Kind::Bool),
            _ => Err(Error::Invalid(format!(
                "{name} takes the group's name as a literal"
            ))),
        },
        ("current_attribute", [attribute]) => match literal(attribute) {
            Some(Literal::Text(_)) => Ok(Kind::Text),
            _ => Err(Error::Invalid(
                "current_attribute takes the attribute's name as a literal".into(),
            )),
        },
        ("is_agent" | "is_service", []) => Ok(Kind::Bool),
        (
            "current_user" | "session_user" | "user" | "current_clearance" | "current_tenant"
            | "current_purpose",
            [],
        ) => Ok(Kind::Text),
        _ => Err(wrong_count(name)),
    }
}

fn choosing(checking: &Check<'_>, name: &str, arguments: &[&Expr]) -> Result<Kind> {
    match (name, arguments) {
        ("coalesce" | "greatest" | "least", [_, ..]) | ("nvl" | "ifnull" | "nullif", [_, _]) => {
            checking.alike(arguments, name)
        }
        ("if" | "iff", [condition, results @ ..]) if matches!(results.len(), 1 | 2) => {
            checking.expect(condition, Kind::Bool)?;
            checking.alike(results, name)
        }
        ("nvl2", [test, results @ ..]) if results.len() == 2 => {
            checking.kind(test)?;
            checking.alike(results, name)
        }
        _ => Err(wrong_count(name)),
    }
}

fn fits(checking: &Check<'_>, signature: &Signature, arguments: &[&Expr]) -> Result<Kind> {
    let most = signature.arguments.len();
    let enough = arguments.len() >= most - signature.optional;
    if !enough || (arguments.len() > most && !signature.repeats) {
        return Err(wrong_count(signature.name));
    }
    for (i, argument) in arguments.iter().enumerate() {
        let Some(wanted) = signature.arguments.get(i.min(most - 1)) else {
            return Err(wrong_count(signature.name));
        };
        fit(checking, signature.name, *wanted, argument)?;
    }
    Ok(signature.yields)
}

fn fit(checking: &Check<'_>, name: &str, wanted: Arg, argument: &Expr) -> Result<()> {
    let text_literal = || match literal(argument) {
        Some(Literal::Text(text)) => Ok(text),
        _ => Err(Error::NotTotal(format!(
            "an argument of {name} must be a text literal"
        ))),
    };
    match wanted {
        Arg::Text => checking.expect(argument, Kind::Text),
        Arg::Int => checking.expect(argument, Kind::Int),
        Arg::Time => checking.expect_time(argument),
        Arg::TimeOrText => checking
            .expect(argument, Kind::Text)
            .or_else(|_| checking.expect_time(argument)),
        Arg::TextLiteral => text_literal().map(drop),
        Arg::Number(low, high) => whole_number(name, argument, low..=high),
        Arg::TimePart => {
            let part = text_literal()?.to_ascii_lowercase();
            let known = [
                "year", "quarter", "month", "week", "day", "dow", "doy", "hour", "minute",
            ];
            if known.contains(&part.as_str()) {
                Ok(())
            } else {
                Err(Error::Invalid(format!(
                    "{name} of that part is not allowed in a policy"
                )))
            }
        }
        Arg::Pattern => {
            let pattern = text_literal()?;
            regex::Regex::new(&pattern).map(drop).map_err(|_| {
                Error::Invalid(format!("the pattern of {name} is not a regular expression"))
            })
        }
        Arg::Global => match text_literal()?.as_str() {
            "g" => Ok(()),
            _ => Err(Error::Invalid(format!("{name} allows the flag g only"))),
        },
    }
}

/// A whole-number literal in a range.
pub(super) fn whole_number(name: &str, expr: &Expr, range: RangeInclusive<i64>) -> Result<()> {
    match literal(expr) {
        Some(Literal::Int(value)) if range.contains(&value) => Ok(()),
        _ => Err(Error::NotTotal(format!(
            "a number in {name} must be a literal from {} to {}",
            range.start(),
            range.end()
        ))),
    }
}

fn wrong_count(name: &str) -> Error {
    Error::Invalid(format!("{name} has the wrong number of arguments"))
}
