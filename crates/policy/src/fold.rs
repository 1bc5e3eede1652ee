//! Specialises a policy's expression for one requester.
//!
//! What is evaluated here is only what every engine evaluates alike: requester functions,
//! three-valued logic, equality and order of plain literals. Everything else is left for the engine,
//! so that a mask never means one thing here and another there. Branches that are not taken are
//! dropped with the columns they would read: that is how a constant mask releases no key.

use std::collections::BTreeMap;

use lakeward_domain::{Name, Purpose, Requester, RequesterKind};
use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DataType, Expr, Function, UnaryOperator,
    helpers::attached_token::AttachedToken,
};

use crate::syntax::{
    Literal, arguments, boolean, call_name, is_literal, literal, null, of_literal, strip,
    substitute, text,
};

/// The functions that ask about the requester.
pub const REQUESTER_FUNCTIONS: [&str; 11] = [
    "is_member",
    "is_account_group_member",
    "current_user",
    "session_user",
    "user",
    "current_clearance",
    "current_tenant",
    "current_purpose",
    "current_attribute",
    "is_agent",
    "is_service",
];

/// Puts the arguments in the place of the parameters and folds everything that the requester
/// decides. The second part says what was asked and answered on the branches that were taken.
#[must_use]
pub fn specialise(
    expr: &Expr,
    bindings: &BTreeMap<Name, Expr>,
    requester: &Requester,
) -> (Expr, Vec<String>) {
    run(expr, bindings, Some(requester), requester.purpose.as_ref())
}

/// What somebody would get of whom nothing is known: no group, no attribute, no purpose, no name.
#[must_use]
pub fn for_a_stranger(expr: &Expr, bindings: &BTreeMap<Name, Expr>) -> Expr {
    run(expr, bindings, None, None).0
}

/// As [`for_a_stranger`], after the stranger has typed this purpose. A purpose is whatever a person
/// says it is, so what it opens is open to everybody.
#[must_use]
pub fn for_a_stranger_with(
    expr: &Expr,
    bindings: &BTreeMap<Name, Expr>,
    purpose: Option<&Purpose>,
) -> Expr {
    run(expr, bindings, None, purpose).0
}

/// Whether a call asks about the requester.
#[must_use]
pub fn asks_about_requester(function: &Function) -> bool {
    call_name(function).is_some_and(|name| REQUESTER_FUNCTIONS.contains(&name.as_str()))
}

fn run(
    expr: &Expr,
    bindings: &BTreeMap<Name, Expr>,
    requester: Option<&Requester>,
    purpose: Option<&Purpose>,
) -> (Expr, Vec<String>) {
    let bound = substitute(expr, bindings);
    let mut folder = Folder {
        requester,
        purpose,
        decided_by: Vec::new(),
    };
    let folded = folder.fold(&bound);
    (folded, folder.decided_by)
}

struct Folder<'r> {
    requester: Option<&'r Requester>,
    purpose: Option<&'r Purpose>,
    decided_by: Vec<String>,
}

impl Folder<'_> {
    fn fold(&mut self, expr: &Expr) -> Expr {
        match expr {
            Expr::Nested(inner) => {
                let inner = self.fold(inner);
                match inner {
                    Expr::Value(_)
                    | Expr::Identifier(_)
                    | Expr::Nested(_)
                    | Expr::Function(_)
                    | Expr::Case { .. } => inner,
                    other => Expr::Nested(Box::new(other)),
                }
            }
            Expr::Function(function) => self.call(function),
            Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => self.case(operand.as_deref(), conditions, else_result.as_deref()),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } => negate(self.fold(expr)),
            Expr::IsNull(inner) => self.test(inner, Expr::IsNull, |l| l == Literal::Null),
            Expr::IsNotNull(inner) => self.test(inner, Expr::IsNotNull, |l| l != Literal::Null),
            Expr::IsTrue(inner) => self.test(inner, Expr::IsTrue, |l| l == Literal::Bool(true)),
            Expr::IsNotTrue(inner) => {
                self.test(inner, Expr::IsNotTrue, |l| l != Literal::Bool(true))
            }
            Expr::IsFalse(inner) => self.test(inner, Expr::IsFalse, |l| l == Literal::Bool(false)),
            Expr::IsNotFalse(inner) => {
                self.test(inner, Expr::IsNotFalse, |l| l != Literal::Bool(false))
            }
            Expr::IsUnknown(inner) => self.test(inner, Expr::IsUnknown, |l| l == Literal::Null),
            Expr::IsNotUnknown(inner) => {
                self.test(inner, Expr::IsNotUnknown, |l| l != Literal::Null)
            }
            Expr::IsDistinctFrom(a, b) => self.distinct(a, b, true),
            Expr::IsNotDistinctFrom(a, b) => self.distinct(a, b, false),
            Expr::InList {
                expr,
                list,
                negated,
            } => self.in_list(expr, list, *negated),
            Expr::Between {
                expr,
                negated,
                low,
                high,
            } => self.between(expr, *negated, low, high),
            Expr::Like {
                negated,
                any,
                expr,
                pattern,
                escape_char,
            } => Expr::Like {
                negated: *negated,
                any: *any,
                expr: Box::new(self.fold(expr)),
                pattern: Box::new(self.fold(pattern)),
                escape_char: escape_char.clone(),
            },
            Expr::ILike {
                negated,
                any,
                expr,
                pattern,
                escape_char,
            } => Expr::ILike {
                negated: *negated,
                any: *any,
                expr: Box::new(self.fold(expr)),
                pattern: Box::new(self.fold(pattern)),
                escape_char: escape_char.clone(),
            },
            Expr::Cast {
                kind,
                expr,
                data_type,
                array,
                format,
            } => {
                let inner = self.fold(expr);
                match literal(&inner) {
                    Some(Literal::Null) => inner,
                    Some(Literal::Text(_)) if is_text(data_type) => inner,
                    _ => Expr::Cast {
                        kind: kind.clone(),
                        expr: Box::new(inner),
                        data_type: data_type.clone(),
                        array: *array,
                        format: format.clone(),
                    },
                }
            }
            Expr::UnaryOp { op, expr } => Expr::UnaryOp {
                op: *op,
                expr: Box::new(self.fold(expr)),
            },
            Expr::Extract {
                field,
                syntax,
                expr,
            } => Expr::Extract {
                field: field.clone(),
                syntax: syntax.clone(),
                expr: Box::new(self.fold(expr)),
            },
            Expr::Position { expr, r#in } => Expr::Position {
                expr: Box::new(self.fold(expr)),
                r#in: Box::new(self.fold(r#in)),
            },
            Expr::Substring {
                expr,
                substring_from,
                substring_for,
                special,
                shorthand,
            } => Expr::Substring {
                expr: Box::new(self.fold(expr)),
                substring_from: self.fold_box(substring_from.as_deref()),
                substring_for: self.fold_box(substring_for.as_deref()),
                special: *special,
                shorthand: *shorthand,
            },
            Expr::Trim {
                trim_where,
                trim_what,
                expr,
                trim_characters,
            } => Expr::Trim {
                trim_where: *trim_where,
                trim_what: self.fold_box(trim_what.as_deref()),
                expr: Box::new(self.fold(expr)),
                trim_characters: trim_characters.clone(),
            },
            Expr::Ceil { expr, field } => Expr::Ceil {
                expr: Box::new(self.fold(expr)),
                field: field.clone(),
            },
            Expr::Floor { expr, field } => Expr::Floor {
                expr: Box::new(self.fold(expr)),
                field: field.clone(),
            },
            // Literals and columns; any other form was refused when the policy was created, and is
            // refused again by whoever checks what is left.
            other => other.clone(),
        }
    }

    fn fold_box(&mut self, expr: Option<&Expr>) -> Option<Box<Expr>> {
        expr.map(|e| Box::new(self.fold(e)))
    }

    fn test(
        &mut self,
        inner: &Expr,
        keep: fn(Box<Expr>) -> Expr,
        known: fn(Literal) -> bool,
    ) -> Expr {
        let inner = self.fold(inner);
        match literal(&inner) {
            Some(value) => boolean(known(value)),
            None => keep(Box::new(inner)),
        }
    }

    fn distinct(&mut self, a: &Expr, b: &Expr, distinct: bool) -> Expr {
        let (a, b) = (self.fold(a), self.fold(b));
        let same = match (literal(&a), literal(&b)) {
            (Some(Literal::Null), Some(Literal::Null)) => Some(true),
            (Some(Literal::Null), Some(_)) | (Some(_), Some(Literal::Null)) => Some(false),
            (Some(x), Some(y)) => order(&x, &y).map(std::cmp::Ordering::is_eq),
            _ => None,
        };
        match same {
            Some(same) => boolean(same != distinct),
            None if distinct => Expr::IsDistinctFrom(Box::new(a), Box::new(b)),
            None => Expr::IsNotDistinctFrom(Box::new(a), Box::new(b)),
        }
    }

    fn binary(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Expr {
        let left = self.fold(left);
        match op {
            BinaryOperator::And => {
                if literal(&left) == Some(Literal::Bool(false)) {
                    return left;
                }
                let right = self.fold(right);
                and(left, right)
            }
            BinaryOperator::Or => {
                if literal(&left) == Some(Literal::Bool(true)) {
                    return left;
                }
                let right = self.fold(right);
                or(left, right)
            }
            BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq => {
                let right = self.fold(right);
                match compare(&left, op, &right) {
                    Some(Some(value)) => boolean(value),
                    Some(None) => null(),
                    None => keep(left, op.clone(), right),
                }
            }
            BinaryOperator::StringConcat => {
                let right = self.fold(right);
                match (literal(&left), literal(&right)) {
                    (Some(Literal::Null), _) | (_, Some(Literal::Null)) => null(),
                    (Some(Literal::Text(a)), Some(Literal::Text(b))) => text(a + &b),
                    _ => keep(left, op.clone(), right),
                }
            }
            _ => {
                let right = self.fold(right);
                keep(left, op.clone(), right)
            }
        }
    }

    fn in_list(&mut self, expr: &Expr, list: &[Expr], negated: bool) -> Expr {
        let expr = self.fold(expr);
        let list: Vec<Expr> = list.iter().map(|item| self.fold(item)).collect();
        let kept = |expr: Expr, list: Vec<Expr>| Expr::InList {
            expr: Box::new(expr),
            list,
            negated,
        };
        let Some(value) = literal(&expr) else {
            return kept(expr, list);
        };
        if value == Literal::Null && !list.is_empty() {
            return null();
        }
        let mut rest = Vec::new();
        let mut nulls = false;
        for item in &list {
            match literal(item) {
                Some(Literal::Null) => nulls = true,
                Some(other) => match order(&value, &other) {
                    Some(ordering) if ordering.is_eq() => return boolean(!negated),
                    Some(_) => {}
                    // Literals of different types: the engine's coercion decides.
                    None => return kept(expr, list),
                },
                None => rest.push(item.clone()),
            }
        }
        match (rest.is_empty(), nulls) {
            (true, false) => boolean(negated),
            (true, true) => null(),
            (false, _) => {
                if nulls {
                    rest.push(null());
                }
                kept(expr, rest)
            }
        }
    }

    fn between(&mut self, expr: &Expr, negated: bool, low: &Expr, high: &Expr) -> Expr {
        let (expr, low, high) = (self.fold(expr), self.fold(low), self.fold(high));
        if let (Some(value), Some(from), Some(to)) = (literal(&expr), literal(&low), literal(&high))
            && let (Some(above), Some(below)) = (order(&from, &value), order(&value, &to))
        {
            return boolean((above.is_le() && below.is_le()) != negated);
        }
        if literal(&expr) == Some(Literal::Null) {
            return null();
        }
        Expr::Between {
            expr: Box::new(expr),
            negated,
            low: Box::new(low),
            high: Box::new(high),
        }
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
    ) -> Expr {
        let operand = operand.map(|o| self.fold(o));
        let mut kept: Vec<CaseWhen> = Vec::new();
        let mut last: Option<Expr> = None;
        let mut decided = false;
        for CaseWhen { condition, result } in conditions {
            let condition = self.fold(condition);
            let outcome = match &operand {
                None if never_true(&condition) => Some(Some(false)),
                None => match literal(&condition) {
                    Some(Literal::Bool(value)) => Some(Some(value)),
                    Some(Literal::Null | Literal::Text(_) | Literal::Int(_)) | None => None,
                },
                Some(operand) => compare(operand, &BinaryOperator::Eq, &condition),
            };
            match outcome {
                Some(Some(true)) => {
                    last = Some(self.fold(result));
                    decided = true;
                    break;
                }
                Some(Some(false) | None) => {}
                None => kept.push(CaseWhen {
                    condition,
                    result: self.fold(result),
                }),
            }
        }
        if !decided {
            last = otherwise.map(|e| self.fold(e));
        }
        if kept.is_empty() {
            return last.unwrap_or_else(null);
        }
        Expr::Case {
            case_token: AttachedToken::empty(),
            end_token: AttachedToken::empty(),
            operand: operand.map(Box::new),
            conditions: kept,
            else_result: last.map(Box::new),
        }
    }

    fn call(&mut self, function: &Function) -> Expr {
        let (Some(name), Some(raw)) = (call_name(function), arguments(function)) else {
            return Expr::Function(function.clone());
        };
        if REQUESTER_FUNCTIONS.contains(&name.as_str()) {
            let raw: Vec<Expr> = raw.into_iter().map(|a| self.fold(a)).collect();
            return self
                .requester_value(&name, &raw)
                .unwrap_or_else(|| Expr::Function(function.clone()));
        }
        match (name.as_str(), raw.as_slice()) {
            // No engine function, so always written as CASE.
            ("if" | "iff", [condition, then, otherwise]) => self.case(
                None,
                &[CaseWhen {
                    condition: (*condition).clone(),
                    result: (*then).clone(),
                }],
                Some(otherwise),
            ),
            ("if" | "iff", [condition, then]) => self.case(
                None,
                &[CaseWhen {
                    condition: (*condition).clone(),
                    result: (*then).clone(),
                }],
                None,
            ),
            ("coalesce" | "nvl" | "ifnull", [_, ..]) => self.coalesce(&raw),
            ("nullif", [a, b]) => {
                let (a, b) = (self.fold(a), self.fold(b));
                match compare(&a, &BinaryOperator::Eq, &b) {
                    Some(Some(true)) => null(),
                    Some(Some(false) | None) => a,
                    None => rebuilt(function, "nullif", vec![a, b]),
                }
            }
            ("nvl2", [test, then, otherwise]) => {
                let test = self.fold(test);
                match literal(&test) {
                    Some(Literal::Null) => self.fold(otherwise),
                    Some(_) => self.fold(then),
                    None => {
                        let rest = vec![test, self.fold(then), self.fold(otherwise)];
                        rebuilt(function, "nvl2", rest)
                    }
                }
            }
            ("lower" | "upper", [argument]) => {
                let argument = self.fold(argument);
                match literal(&argument) {
                    Some(Literal::Null) => argument,
                    Some(Literal::Text(value)) if value.is_ascii() => text(if name == "lower" {
                        value.to_ascii_lowercase()
                    } else {
                        value.to_ascii_uppercase()
                    }),
                    _ => rebuilt(function, &name, vec![argument]),
                }
            }
            _ => {
                let folded = raw.into_iter().map(|a| self.fold(a)).collect();
                rebuilt(function, &name, folded)
            }
        }
    }

    fn coalesce(&mut self, raw: &[&Expr]) -> Expr {
        let mut kept: Vec<Expr> = Vec::new();
        for argument in raw {
            let argument = self.fold(argument);
            match literal(&argument) {
                Some(Literal::Null) => {}
                Some(_) => {
                    kept.push(argument);
                    break;
                }
                None => {
                    let fixed = is_literal(&argument);
                    kept.push(argument);
                    if fixed {
                        break;
                    }
                }
            }
        }
        match kept.len() {
            0 => null(),
            1 => kept.remove(0),
            _ => plain_call("coalesce", kept),
        }
    }

    fn requester_value(&mut self, name: &str, raw: &[Expr]) -> Option<Expr> {
        let who = self.requester;
        let word = |value: Option<&str>| value.map_or_else(null, text);
        let (asked, answer) = match (name, raw) {
            ("is_member" | "is_account_group_member", [group]) => {
                let Some(Literal::Text(group)) = literal(group) else {
                    return None;
                };
                let group = Name::parse(&group).ok()?;
                let member = who.is_some_and(|who| who.is_member(&group));
                (format!("{name}('{group}')"), boolean(member))
            }
            ("current_user" | "session_user" | "user", []) => (
                format!("{name}()"),
                // A stranger has a name, and it is nobody's: no name in a policy can match it.
                text(who.map_or("\u{0}nobody", |who| who.name.as_str())),
            ),
            ("current_clearance", []) => (
                "current_clearance()".into(),
                word(who.and_then(|who| who.attribute("clearance"))),
            ),
            ("current_tenant", []) => (
                "current_tenant()".into(),
                word(who.and_then(|who| who.attribute("tenant"))),
            ),
            ("current_purpose", []) => (
                "current_purpose()".into(),
                word(self.purpose.map(|p| p.name.as_str())),
            ),
            ("current_attribute", [attribute]) => {
                let Some(Literal::Text(attribute)) = literal(attribute) else {
                    return None;
                };
                let attribute = attribute.to_lowercase();
                (
                    format!("current_attribute('{attribute}')"),
                    word(who.and_then(|who| who.attribute(&attribute))),
                )
            }
            // A program asks, or somebody whom an identity administrator marked as an agent.
            ("is_agent", []) => (
                "is_agent()".into(),
                boolean(who.is_some_and(|who| {
                    who.kind == RequesterKind::Service || who.attribute("agent") == Some("true")
                })),
            ),
            ("is_service", []) => (
                "is_service()".into(),
                boolean(who.is_some_and(|who| who.kind == RequesterKind::Service)),
            ),
            _ => return None,
        };
        let line = match literal(&answer) {
            Some(Literal::Bool(value)) => format!("{asked} is {value}"),
            Some(Literal::Text(value)) => format!("{asked} is '{value}'"),
            Some(Literal::Null | Literal::Int(_)) | None => format!("{asked} is not set"),
        };
        if !self.decided_by.contains(&line) {
            self.decided_by.push(line);
        }
        Some(answer)
    }
}

fn keep(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    }
}

/// A call with folded arguments.
fn rebuilt(function: &Function, name: &str, folded: Vec<Expr>) -> Expr {
    if folded.is_empty() {
        return Expr::Function(function.clone());
    }
    plain_call(name, folded)
}

/// A plain scalar call.
pub(crate) fn plain_call(name: &str, arguments: Vec<Expr>) -> Expr {
    use sqlparser::ast::{
        FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName,
    };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments
                .into_iter()
                .map(|a| FunctionArg::Unnamed(FunctionArgExpr::Expr(a)))
                .collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// The conjunction of two folded conditions, in three-valued logic.
#[must_use]
pub fn and(left: Expr, right: Expr) -> Expr {
    match (literal(&left), literal(&right)) {
        (Some(Literal::Bool(false)), _) | (_, Some(Literal::Bool(false))) => boolean(false),
        (Some(Literal::Bool(true)), _) => right,
        (_, Some(Literal::Bool(true))) => left,
        (Some(Literal::Null), Some(Literal::Null)) => null(),
        _ => keep(grouped(left), BinaryOperator::And, grouped(right)),
    }
}

fn or(left: Expr, right: Expr) -> Expr {
    match (literal(&left), literal(&right)) {
        (Some(Literal::Bool(true)), _) | (_, Some(Literal::Bool(true))) => boolean(true),
        (Some(Literal::Bool(false)), _) => right,
        (_, Some(Literal::Bool(false))) => left,
        (Some(Literal::Null), Some(Literal::Null)) => null(),
        _ => keep(left, BinaryOperator::Or, right),
    }
}

/// Parentheses where printing would otherwise bind differently.
fn grouped(expr: Expr) -> Expr {
    match expr {
        Expr::BinaryOp {
            op: BinaryOperator::Or,
            ..
        } => Expr::Nested(Box::new(expr)),
        other => other,
    }
}

fn negate(expr: Expr) -> Expr {
    match literal(&expr) {
        Some(Literal::Bool(value)) => boolean(!value),
        Some(Literal::Null) => null(),
        Some(Literal::Text(_) | Literal::Int(_)) | None => Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr: Box::new(expr),
        },
    }
}

/// Whether a condition is FALSE or NULL on every row.
#[must_use]
pub fn never_true(expr: &Expr) -> bool {
    match strip(expr) {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => never_true(left) || never_true(right),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Or,
            right,
        } => never_true(left) && never_true(right),
        other => matches!(literal(other), Some(Literal::Null | Literal::Bool(false))),
    }
}

/// The order of two literals of one type. Text by its bytes, as the engine does it.
fn order(a: &Literal, b: &Literal) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Literal::Text(a), Literal::Text(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
        (Literal::Int(a), Literal::Int(b)) => Some(a.cmp(b)),
        (Literal::Bool(a), Literal::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// `Some(None)` is NULL; `None` is "not known before the row is".
#[expect(
    clippy::option_option,
    reason = "three-valued logic, and whether it is known, are two questions"
)]
fn compare(left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Option<bool>> {
    let known = |e: &Expr| literal(e).or_else(|| tried_number(e));
    let (a, b) = (known(left), known(right));
    if a == Some(Literal::Null) || b == Some(Literal::Null) {
        return Some(None);
    }
    let ordering = order(&a?, &b?)?;
    Some(Some(match op {
        BinaryOperator::Eq => ordering.is_eq(),
        BinaryOperator::NotEq => ordering.is_ne(),
        BinaryOperator::Lt => ordering.is_lt(),
        BinaryOperator::LtEq => ordering.is_le(),
        BinaryOperator::Gt => ordering.is_gt(),
        BinaryOperator::GtEq => ordering.is_ge(),
        _ => return None,
    }))
}

/// `TRY_CAST('2' AS INT)` of a plain small number: `TRY_CAST(current_clearance() AS INT) >= 2`.
fn tried_number(expr: &Expr) -> Option<Literal> {
    match strip(expr) {
        Expr::Cast {
            kind: CastKind::TryCast,
            expr,
            data_type: DataType::Int(None) | DataType::Integer(None) | DataType::BigInt(None),
            array: false,
            format: None,
        } => match literal(expr)? {
            Literal::Text(digits) if digits.len() <= 9 => {
                crate::syntax::whole(&digits).map(Literal::Int)
            }
            Literal::Null | Literal::Bool(_) | Literal::Text(_) | Literal::Int(_) => None,
        },
        _ => None,
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(
        crate::types::parse_type(data_type),
        Ok(lakeward_domain::LogicalType::String)
    )
}

/// The literal that a folded expression is, as an expression without decoration.
#[must_use]
pub fn constant(expr: &Expr) -> Option<Expr> {
    literal(expr)
        .map(of_literal)
        .or_else(|| is_literal(expr).then(|| strip(expr).clone()))
}

/// The groups that an expression names, for checks that they exist.
#[must_use]
pub fn groups_named(expr: &Expr) -> Vec<String> {
    let mut groups = Vec::new();
    let _: std::ops::ControlFlow<()> = sqlparser::ast::visit_expressions(expr, |part| {
        if let Expr::Function(function) = part
            && matches!(
                call_name(function).as_deref(),
                Some("is_member" | "is_account_group_member")
            )
            && let Some([group]) = arguments(function).as_deref()
            && let Some(Literal::Text(group)) = literal(group)
        {
            groups.push(group);
        }
        std::ops::ControlFlow::Continue(())
    });
    groups
}

#[cfg(test)]
mod tests;
