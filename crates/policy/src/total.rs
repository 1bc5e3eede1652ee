//! Checks that a policy's body cannot fail on any value.
//!
//! A body that can fail is an oracle: whoever makes it fail on one row learns what is in that row. So
//! this is an allow-list, of forms here and of functions in `functions`, and it counts the
//! casts that the engine would put in by itself: comparing text with a number is refused, because the
//! engine would cast the text.
//!
//! What fails is decided by DataFusion's code and may change with its version: whole-number arithmetic
//! wraps there, dates out of range have no parts (NULL), and BIGINT and DOUBLE meet a decimal as
//! DECIMAL(20,0) and DECIMAL(30,15). An upgrade has to look at these again.

mod functions;

use std::ops::ControlFlow;

use lakeward_domain::{LogicalType, Name};
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, DateTimeField, Expr, Function, TrimWhereField,
    UnaryOperator, Value, ValueWithSpan, visit_expressions,
};

use crate::{
    Error, Result, fold,
    syntax::{self, Literal, arguments, call_name, literal, strip},
    types::parse_type,
};

pub use functions::is_built_in;

/// What is known of an expression's type: enough to see implicit casts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// NULL, which fits anywhere.
    Null,
    /// BOOLEAN.
    Bool,
    /// A whole number.
    Int,
    /// Binary floating point.
    Float,
    /// DECIMAL of a precision and scale.
    Decimal(u8, i8),
    /// STRING.
    Text,
    /// BINARY.
    Binary,
    /// DATE.
    Date,
    /// TIMESTAMP.
    Timestamp,
    /// TIMESTAMP_NTZ.
    TimestampNtz,
    /// STRUCT, ARRAY or MAP.
    Nested,
    /// Not known here.
    Unknown,
}

impl Kind {
    /// The kind of a column type.
    #[must_use]
    pub const fn of(data_type: &LogicalType) -> Self {
        match data_type {
            LogicalType::Boolean => Self::Bool,
            LogicalType::TinyInt
            | LogicalType::SmallInt
            | LogicalType::Int
            | LogicalType::BigInt => Self::Int,
            LogicalType::Float | LogicalType::Double => Self::Float,
            LogicalType::Decimal(precision, scale) => Self::Decimal(*precision, *scale),
            LogicalType::String => Self::Text,
            LogicalType::Binary => Self::Binary,
            LogicalType::Date => Self::Date,
            LogicalType::Timestamp => Self::Timestamp,
            LogicalType::TimestampNtz => Self::TimestampNtz,
            LogicalType::Struct(_) | LogicalType::Array(..) | LogicalType::Map(..) => Self::Nested,
        }
    }

    /// Whether a value of this kind may stand for a value of that type. The engine brings a mask's
    /// result to its column's type with TRY_CAST, which cannot fail.
    #[must_use]
    pub fn becomes(self, expected: &LogicalType) -> bool {
        match (self, Self::of(expected)) {
            (Self::Null | Self::Unknown, _)
            | (Self::Int | Self::Float | Self::Decimal(..), Self::Decimal(..))
            | (Self::Int, Self::Float) => true,
            (a, b) => a == b,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Bool => "a truth value",
            Self::Int => "a whole number",
            Self::Float => "a floating point number",
            Self::Decimal(..) => "a decimal number",
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Date => "a date",
            Self::Timestamp => "a timestamp",
            Self::TimestampNtz => "a timestamp without zone",
            Self::Nested => "a nested value",
            Self::Unknown => "a value",
        }
    }

    /// The kind that two values have together without a cast that could fail.
    #[must_use]
    pub fn with(self, other: Self) -> Option<Self> {
        match (self, other) {
            (a, b) if a == b => Some(a),
            (Self::Null, b) => Some(b),
            (a, Self::Null) => Some(a),
            (Self::Unknown, _) | (_, Self::Unknown) => Some(Self::Unknown),
            (Self::Int, Self::Float) | (Self::Float, Self::Int) => Some(Self::Float),
            _ => None,
        }
    }
}

/// Checks an expression whose columns' types are not known here: what depends on them is let pass.
///
/// # Errors
/// [`Error::NotTotal`] or [`Error::Invalid`], naming the form or function.
pub fn check(expr: &Expr) -> Result<()> {
    syntax::bounded(expr)?;
    Check {
        types: &|_| Some(Kind::Unknown),
        strict: false,
    }
    .kind(expr)
    .map(drop)
}

/// Checks an expression whose parameters' types are known, and says what it yields.
///
/// # Errors
/// [`Error::NotTotal`], [`Error::Invalid`] or [`Error::TypeMismatch`], naming the form or function.
pub fn check_typed(expr: &Expr, types: &dyn Fn(&Name) -> Option<Kind>) -> Result<Kind> {
    syntax::bounded(expr)?;
    Check {
        types,
        strict: true,
    }
    .kind(expr)
}

/// Whether any part still asks about the requester.
#[must_use]
pub fn asks_about_requester(expr: &Expr) -> bool {
    visit_expressions(expr, |part| match part {
        Expr::Function(function) if fold::asks_about_requester(function) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

/// Whether any part makes keyed tokens: whoever can choose its input can try every value.
#[must_use]
pub fn makes_tokens(expr: &Expr) -> bool {
    visit_expressions(expr, |part| match part {
        Expr::Function(function) if call_name(function).as_deref() == Some("token") => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

struct Check<'a> {
    types: &'a dyn Fn(&Name) -> Option<Kind>,
    strict: bool,
}

fn refuse<T>(form: &str) -> Result<T> {
    Err(Error::Invalid(format!("{form} is not allowed in a policy")))
}

const fn is_time(kind: Kind) -> bool {
    matches!(kind, Kind::Date | Kind::Timestamp | Kind::TimestampNtz)
}

fn may_fail<T>(form: &str, instead: &str) -> Result<T> {
    Err(Error::NotTotal(format!(
        "{form} can fail on some value; {instead}"
    )))
}

impl Check<'_> {
    fn kind(&self, expr: &Expr) -> Result<Kind> {
        match expr {
            Expr::Nested(inner) => self.kind(inner),
            Expr::Value(value) => value_kind(value),
            Expr::Identifier(ident) => {
                let name = Name::parse(&ident.value)?;
                (self.types)(&name)
                    .ok_or_else(|| Error::Invalid(format!("{name} is not a parameter")))
            }
            Expr::UnaryOp { op, expr } => self.unary(*op, expr),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::IsNull(e) | Expr::IsNotNull(e) => self.kind(e).map(|_| Kind::Bool),
            Expr::IsTrue(e)
            | Expr::IsNotTrue(e)
            | Expr::IsFalse(e)
            | Expr::IsNotFalse(e)
            | Expr::IsUnknown(e)
            | Expr::IsNotUnknown(e) => {
                self.expect(e, Kind::Bool)?;
                Ok(Kind::Bool)
            }
            Expr::IsDistinctFrom(a, b) | Expr::IsNotDistinctFrom(a, b) => {
                self.alike(&[a, b], "a comparison")?;
                Ok(Kind::Bool)
            }
            Expr::InList { expr, list, .. } => {
                let mut all: Vec<&Expr> = vec![expr];
                all.extend(list);
                self.alike(&all, "IN")?;
                Ok(Kind::Bool)
            }
            Expr::Between {
                expr, low, high, ..
            } => {
                self.alike(&[expr, low, high], "BETWEEN")?;
                Ok(Kind::Bool)
            }
            Expr::Like {
                any,
                expr,
                pattern,
                escape_char,
                ..
            }
            | Expr::ILike {
                any,
                expr,
                pattern,
                escape_char,
                ..
            } => {
                if *any || escape_char.is_some() {
                    return refuse("LIKE with ANY or ESCAPE");
                }
                self.expect(expr, Kind::Text)?;
                if !matches!(literal(pattern), Some(Literal::Text(_) | Literal::Null)) {
                    return may_fail(
                        "LIKE with a computed pattern",
                        "write the pattern as a literal",
                    );
                }
                Ok(Kind::Bool)
            }
            Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => {
                for when in conditions {
                    match operand {
                        Some(operand) => {
                            self.alike(&[operand, &when.condition], "CASE")?;
                        }
                        None => self.expect(&when.condition, Kind::Bool)?,
                    }
                }
                let mut results: Vec<&Expr> = conditions.iter().map(|when| &when.result).collect();
                results.extend(else_result.as_deref());
                self.alike(&results, "the results of CASE")
            }
            Expr::Cast {
                kind,
                expr,
                data_type,
                array,
                format,
            } => {
                if *array || format.is_some() {
                    return refuse("CAST with a format");
                }
                self.cast(kind, expr, data_type)
            }
            Expr::TypedString(typed) => {
                let wanted = parse_type(&typed.data_type)?;
                let shape = match &typed.value.value {
                    Value::SingleQuotedString(text) => date_like(text),
                    _ => false,
                };
                match (wanted, shape) {
                    (LogicalType::Date, true) => Ok(Kind::Date),
                    _ => may_fail("a typed literal", "use DATE 'yyyy-mm-dd' or TRY_CAST"),
                }
            }
            Expr::Extract { field, expr, .. } => {
                if !matches!(
                    field,
                    DateTimeField::Year
                        | DateTimeField::Quarter
                        | DateTimeField::Month
                        | DateTimeField::Day
                        | DateTimeField::Hour
                        | DateTimeField::Minute
                        | DateTimeField::Dow
                        | DateTimeField::Doy
                ) {
                    return refuse("EXTRACT of that part");
                }
                self.expect_time(expr)?;
                Ok(Kind::Int)
            }
            Expr::Substring {
                expr,
                substring_from,
                substring_for,
                ..
            } => {
                self.expect(expr, Kind::Text)?;
                if let Some(from) = substring_from {
                    functions::whole_number("substring", from, 1..=i64::from(i32::MAX))?;
                }
                if let Some(length) = substring_for {
                    functions::whole_number("substring", length, 0..=i64::from(i32::MAX))?;
                }
                Ok(Kind::Text)
            }
            Expr::Trim {
                trim_where:
                    None
                    | Some(TrimWhereField::Both | TrimWhereField::Leading | TrimWhereField::Trailing),
                trim_what,
                expr,
                trim_characters: None,
            } => {
                if let Some(what) = trim_what {
                    self.expect(what, Kind::Text)?;
                }
                self.expect(expr, Kind::Text)?;
                Ok(Kind::Text)
            }
            Expr::Position { expr, r#in } => {
                self.expect(expr, Kind::Text)?;
                self.expect(r#in, Kind::Text)?;
                Ok(Kind::Int)
            }
            Expr::Function(function) => self.call(function),
            Expr::CompoundIdentifier(_) | Expr::CompoundFieldAccess { .. } => {
                refuse("a field of a nested value")
            }
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
                refuse("a subquery")
            }
            Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => refuse("*"),
            Expr::Interval(_) | Expr::AtTimeZone { .. } => {
                refuse("interval and time zone arithmetic")
            }
            Expr::Ceil { .. } | Expr::Floor { .. } => refuse("CEIL or FLOOR"),
            _ => refuse("this form of expression"),
        }
    }

    fn unary(&self, op: UnaryOperator, expr: &Expr) -> Result<Kind> {
        match op {
            UnaryOperator::Not => {
                self.expect(expr, Kind::Bool)?;
                Ok(Kind::Bool)
            }
            // The smallest whole number has no opposite.
            UnaryOperator::Minus | UnaryOperator::Plus if syntax::is_literal(expr) => {
                match self.kind(expr)? {
                    kind @ (Kind::Int | Kind::Float) => Ok(kind),
                    _ => refuse("a sign before something that is not a number"),
                }
            }
            _ => refuse("a unary operator other than NOT"),
        }
    }

    fn binary(&self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Result<Kind> {
        match op {
            BinaryOperator::And | BinaryOperator::Or => {
                self.expect(left, Kind::Bool)?;
                self.expect(right, Kind::Bool)?;
                Ok(Kind::Bool)
            }
            BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq => {
                self.alike(&[left, right], "a comparison")?;
                Ok(Kind::Bool)
            }
            BinaryOperator::StringConcat => {
                self.expect(left, Kind::Text)?;
                self.expect(right, Kind::Text)?;
                Ok(Kind::Text)
            }
            // Whole numbers wrap and floating point has infinities; decimals overflow with an error.
            BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply => {
                let kind = self.alike(&[left, right], "arithmetic")?;
                self.computable(kind)
            }
            BinaryOperator::Divide | BinaryOperator::Modulo => {
                let kind = self.alike(&[left, right], "arithmetic")?;
                // Not -1 either: the smallest whole number divided by it overflows.
                if !matches!(literal(right), Some(Literal::Int(1..))) {
                    return may_fail(
                        "division",
                        "divide by a positive whole number, or use NULLIF and TRY_CAST",
                    );
                }
                self.computable(kind)
            }
            _ => refuse("an operator of this kind"),
        }
    }

    fn computable(&self, kind: Kind) -> Result<Kind> {
        match kind {
            Kind::Int | Kind::Float | Kind::Null => Ok(kind),
            Kind::Unknown if !self.strict => Ok(kind),
            Kind::Decimal(..) => may_fail("decimal arithmetic", "use TRY_CAST to DOUBLE first"),
            _ => Err(Error::TypeMismatch(format!(
                "arithmetic on {} is not allowed in a policy",
                kind.name()
            ))),
        }
    }

    fn cast(&self, kind: &CastKind, expr: &Expr, data_type: &DataType) -> Result<Kind> {
        let target = parse_type(data_type)?;
        let source = self.kind(expr)?;
        match kind {
            // Arrow's rendering of a day or instant beyond its calendar fails in TRY_CAST too.
            CastKind::TryCast if is_time(source) && Kind::of(&target) == Kind::Text => {
                return may_fail(
                    "TRY_CAST of a date or time to text",
                    "use EXTRACT or hipaa_year",
                );
            }
            CastKind::TryCast => return Ok(Kind::of(&target)),
            CastKind::Cast | CastKind::DoubleColon => {}
            CastKind::SafeCast => return refuse("SAFE_CAST; TRY_CAST"),
        }
        let to = Kind::of(&target);
        let widens = match (source, to) {
            (Kind::Null, _) => true,
            (Kind::Nested | Kind::Binary, Kind::Text) => false,
            (source, Kind::Text) if is_time(source) => {
                return may_fail(
                    "CAST of a date or time to text",
                    "use EXTRACT or hipaa_year",
                );
            }
            (_, Kind::Text) => true,
            (Kind::Int | Kind::Float, Kind::Float) => matches!(target, LogicalType::Double),
            (Kind::Int, Kind::Int) => matches!(target, LogicalType::BigInt),
            (Kind::Unknown, _) => !self.strict,
            _ => false,
        };
        if widens {
            Ok(to)
        } else {
            may_fail("CAST", "use TRY_CAST")
        }
    }

    fn call(&self, function: &Function) -> Result<Kind> {
        let Some(name) = call_name(function) else {
            return Err(Error::Invalid(format!(
                "function {} is not known",
                syntax::name_parts(&function.name)
                    .map_or_else(|| "of this form".into(), |parts| parts.join("."))
            )));
        };
        let Some(arguments) = arguments(function) else {
            return Err(Error::Invalid(format!(
                "{name} is not allowed in a policy with DISTINCT, FILTER, OVER, a named or a missing argument"
            )));
        };
        functions::check(self, &name, &arguments)
    }

    /// An argument of one kind.
    fn expect(&self, expr: &Expr, wanted: Kind) -> Result<()> {
        let kind = self.kind(expr)?;
        match kind.with(wanted) {
            Some(together) if together == wanted || together == Kind::Unknown => Ok(()),
            _ => Err(Error::TypeMismatch(format!(
                "expected {}, found {}",
                wanted.name(),
                kind.name()
            ))),
        }
    }

    fn expect_time(&self, expr: &Expr) -> Result<()> {
        match self.kind(expr)? {
            Kind::Date | Kind::Timestamp | Kind::TimestampNtz | Kind::Null => Ok(()),
            Kind::Unknown => Ok(()),
            kind => Err(Error::TypeMismatch(format!(
                "expected a date or timestamp, found {}",
                kind.name()
            ))),
        }
    }

    /// Expressions that the engine will bring to one type without a cast that could fail.
    fn alike(&self, all: &[&Expr], form: &str) -> Result<Kind> {
        let mut together = Kind::Null;
        for expr in all {
            let kind = self.kind(expr)?;
            together = match together.with(kind) {
                Some(kind) => kind,
                None if let Some(decimal) = self.decimal_and_literals(all) => decimal,
                None if self.is_date_text(all) => Kind::Date,
                None => {
                    return Err(Error::TypeMismatch(format!(
                        "{form} of {} and {} needs an implicit cast; write TRY_CAST",
                        together.name(),
                        kind.name()
                    )));
                }
            };
        }
        Ok(together)
    }

    /// Decimals of one type and number literals. The engine brings both to one decimal type; where
    /// that has no room for the decimal's own digits, some value would overflow.
    fn decimal_and_literals(&self, all: &[&Expr]) -> Option<Kind> {
        let mut decimal = None;
        let mut literals = Vec::new();
        for expr in all {
            match self.kind(expr).ok()? {
                Kind::Null => {}
                kind @ (Kind::Int | Kind::Float) if syntax::is_literal(expr) => literals.push(kind),
                kind @ Kind::Decimal(..) if decimal.is_none_or(|d| d == kind) => {
                    decimal = Some(kind);
                }
                _ => return None,
            }
        }
        let Some(Kind::Decimal(precision, scale)) = decimal else {
            return None;
        };
        let (digits, scale) = (i16::from(precision) - i16::from(scale), i16::from(scale));
        let fits = literals.into_iter().all(|literal| {
            // DataFusion takes a BIGINT for DECIMAL(20,0) and a DOUBLE for DECIMAL(30,15).
            let (more_digits, more_scale) = if literal == Kind::Int {
                (20, 0)
            } else {
                (15, 15)
            };
            digits.max(more_digits) + scale.max(more_scale) <= 38
        });
        if fits { decimal } else { None }
    }

    /// `date_column >= '2020-01-01'`: the engine casts the literal, once, and it is a date.
    fn is_date_text(&self, all: &[&Expr]) -> bool {
        all.iter().all(|expr| match literal(strip(expr)) {
            Some(Literal::Text(text)) => date_like(&text),
            Some(Literal::Null) => true,
            Some(Literal::Bool(_) | Literal::Int(_)) => false,
            None => matches!(self.kind(expr), Ok(Kind::Date)),
        })
    }
}

fn value_kind(value: &ValueWithSpan) -> Result<Kind> {
    match &value.value {
        Value::Null => Ok(Kind::Null),
        Value::Boolean(_) => Ok(Kind::Bool),
        Value::SingleQuotedString(_) => Ok(Kind::Text),
        Value::Number(digits, false) => {
            if syntax::whole(digits).is_some() {
                Ok(Kind::Int)
            } else if digits.len() <= 18 && digits.parse::<f64>().is_ok_and(f64::is_finite) {
                Ok(Kind::Float)
            } else {
                refuse("a number of more than 18 digits")
            }
        }
        _ => refuse("a literal of this form"),
    }
}

/// `yyyy-mm-dd` with a month and a day that every month has, or that this month has.
fn date_like(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let digits = |part: &str, length: usize| {
        (part.len() == length && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<u32>().ok())
            .flatten()
    };
    let (Some(year), Some(month), Some(day)) = (digits(year, 4), digits(month, 2), digits(day, 2))
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests;
