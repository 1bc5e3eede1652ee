//! What is legal but unwise.
//!
//! A finding never stops anything: the seed's own mask is fail-open, runs, and is told so.

use std::collections::BTreeMap;

use lakeward_domain::{Class, Code, Name, TableId, names::DEFAULT_SCHEMA};
use sqlparser::ast::{CaseWhen, Expr, helpers::attached_token::AttachedToken, visit_expressions};

use crate::{
    Argument, Facts, Function, PolicyKind,
    fold::{constant, for_a_stranger, plain_call},
    strength::Strength,
    syntax::{self, Literal, call_name, literal, parse_expression, strip},
};

/// How bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Likely not meant.
    Warning,
    /// Protected data is shown, or kept where it should not be.
    Error,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule: `POLICY_FAIL_OPEN`, `LITERAL_PHI`, …
    pub rule: &'static str,
    /// How bad.
    pub severity: Severity,
    /// The function, column or table it is about.
    pub object: String,
    /// What is wrong, in a sentence, without literals.
    pub message: String,
    /// A statement that would be right, where one can be proposed. Holds the body's own literals:
    /// for policy administrators.
    pub corrected: Option<String>,
}

/// The rule for masks that show raw values to whoever is not listed.
pub const FAIL_OPEN: &str = "POLICY_FAIL_OPEN";
/// The group that a proposal names, for a person to replace.
pub const PLACEHOLDER_GROUP: &str = "who_may_see_it";

const HASHES: [&str; 5] = ["md5", "sha224", "sha256", "sha384", "sha512"];

/// Findings about a function on its own.
#[must_use]
pub fn function(function: &Function) -> Vec<Finding> {
    let Ok(body) = parse_expression(&function.body) else {
        return vec![finding(
            "UNREADABLE",
            Severity::Error,
            function.name.to_string(),
            "the body cannot be read; whatever it masks is denied",
        )];
    };
    let mut findings = Vec::new();
    findings.extend(fail_open(function, &body));
    findings.extend(literal_phi(function, &body));
    if calls_any(&body, &HASHES) {
        findings.push(finding(
            "UNKEYED_HASH",
            Severity::Warning,
            function.name.to_string(),
            "an unkeyed hash of an identifier can be reversed by trying all values; use token('domain', …)",
        ));
    }
    findings
}

/// Findings about tables with everything bound to them, and about the functions that are bound.
#[must_use]
pub fn whole(facts: &dyn Facts, tables: &[TableId]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut functions = BTreeMap::new();
    let mut partials: BTreeMap<String, BTreeMap<&'static str, String>> = BTreeMap::new();
    for id in tables {
        let Some(table) = facts.table(*id) else {
            continue;
        };
        let policies = facts.policies_on(*id);
        if table.protected && policies.is_empty() {
            findings.push(finding(
                "NO_POLICY_LEFT",
                Severity::Warning,
                table.name.to_string(),
                "the table was protected and its last policy is gone; it is closed to everybody without UNMASK",
            ));
        }
        for policy in &policies {
            let Some(function) = facts.function(policy.function) else {
                findings.push(finding(
                    "UNREADABLE",
                    Severity::Error,
                    table.name.to_string(),
                    "a policy's function is missing; what it protects is denied",
                ));
                continue;
            };
            functions.insert(function.id, function);
            if matches!(policy.kind, PolicyKind::RowFilter)
                && !policy
                    .arguments
                    .iter()
                    .any(|a| matches!(a, Argument::Column(_)))
            {
                findings.push(finding(
                    "FILTER_READS_NOTHING",
                    Severity::Note,
                    table.name.to_string(),
                    "the row filter reads no column: a requester gets all rows or none",
                ));
            }
        }
        for column in &table.columns {
            let masks = policies
                .iter()
                .filter(|p| matches!(p.kind, PolicyKind::Mask { column: id } if id == column.id));
            let object = format!("{}.{}", table.name, column.name);
            let mut masked = false;
            for policy in masks {
                masked = true;
                let tags = table.column_tags(column);
                let Some(tag) = tags.get("phi").or_else(|| tags.get("pii")) else {
                    continue;
                };
                if let Some(function) = facts.function(policy.function)
                    && let Ok(body) = parse_expression(&function.body)
                {
                    for (part, calls) in [
                        ("first", ["mask_show_first_4", "left"]),
                        ("last", ["mask_show_last_4", "right"]),
                    ] {
                        if calls_any(&body, &calls) {
                            partials
                                .entry(tag.clone())
                                .or_default()
                                .insert(part, object.clone());
                        }
                    }
                }
            }
            if !masked && table.class(column) == Class::Phi && !table.protected {
                findings.push(finding(
                    "PHI_WITHOUT_POLICY",
                    Severity::Note,
                    object,
                    "the column is tagged PHI and has no mask: it is NULL for everybody without UNMASK",
                ));
            }
        }
    }
    for (tag, parts) in partials {
        if let (Some(first), Some(last)) = (parts.get("first"), parts.get("last")) {
            findings.push(finding(
                "COMPLEMENTARY_PARTIALS",
                Severity::Warning,
                format!("{first}, {last}"),
                &format!(
                    "columns of tag value {tag} show their beginning in one place and their end in another: joined, they show it all"
                ),
            ));
        }
    }
    findings.extend(functions.into_values().flat_map(function));
    findings
}

fn finding(rule: &'static str, severity: Severity, object: String, message: &str) -> Finding {
    Finding {
        rule,
        severity,
        object,
        message: message.into(),
        corrected: None,
    }
}

/// What somebody would get who is in no group and has no attribute.
fn fail_open(function: &Function, body: &Expr) -> Option<Finding> {
    let stranger = for_a_stranger(body, &BTreeMap::new());
    let (parameter, _) = function.parameters.first()?;
    // Only a mask can be fail-open: a filter yields a truth value and shows no cell.
    let shows = shows_parameter(&stranger, parameter);
    let filter = function.returns == Some(lakeward_domain::LogicalType::Boolean)
        || crate::bind::yields(function) == Ok(crate::total::Kind::Bool);
    if shows < Strength::Identity || filter {
        return None;
    }
    Some(Finding {
        rule: FAIL_OPEN,
        severity: Severity::Warning,
        object: function.name.to_string(),
        message: format!(
            "{} shows the raw value to everybody who is not listed; name who may see it, and mask in ELSE",
            function.name
        ),
        corrected: corrected(function, body),
    })
}

fn shows_parameter(expr: &Expr, parameter: &Name) -> Strength {
    // The strength of expressions is measured over column ids, so the parameter becomes one.
    let id = lakeward_domain::ColumnId::from_bytes([0; 16]);
    let bound = syntax::rename_columns(expr, &BTreeMap::from([(parameter.clone(), id)]));
    crate::strength::shape(&bound, &|column| column == id).shows
}

/// Turns the condition round: a placeholder group sees what everybody saw, and everybody gets the
/// mask that the body already has, or NULL.
fn corrected(function: &Function, body: &Expr) -> Option<String> {
    let member = plain_call("is_member", vec![syntax::text(PLACEHOLDER_GROUP)]);
    let mut conditions = Vec::new();
    let (shown, mask) = match strip(body) {
        Expr::Case {
            operand: None,
            conditions: cases,
            else_result: Some(otherwise),
            ..
        } if constant(otherwise).is_none() => {
            let mask = cases
                .iter()
                .find_map(|c| constant(&c.result))
                .unwrap_or_else(syntax::null);
            conditions.extend(cases.iter().filter(|c| c.result != mask).cloned());
            ((**otherwise).clone(), mask)
        }
        other => (other.clone(), constants(other).unwrap_or_else(syntax::null)),
    };
    conditions.push(CaseWhen {
        condition: member,
        result: shown,
    });
    let proposal = Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions,
        else_result: Some(Box::new(mask)),
    };
    let parameters: Vec<String> = function
        .parameters
        .iter()
        .map(|(name, data_type)| format!("{} {data_type}", quoted(name)))
        .collect();
    let returns = function
        .returns
        .as_ref()
        .map_or_else(String::new, |t| format!(" RETURNS {t}"));
    let body = syntax::print_exactly(&proposal).ok()?;
    let name = quoted(&function.name.table);
    let name = if function.name.schema.as_str() == DEFAULT_SCHEMA {
        name
    } else {
        format!("{}.{name}", quoted(&function.name.schema))
    };
    Some(format!(
        "CREATE OR REPLACE FUNCTION {name}({}){returns} RETURN {body}",
        parameters.join(", ")
    ))
}

/// A name as SQL reads it back.
fn quoted(name: &Name) -> String {
    let plain = name
        .as_str()
        .chars()
        .enumerate()
        .all(|(i, c)| c == '_' || c.is_ascii_lowercase() || (i > 0 && c.is_ascii_digit()));
    let keyword = sqlparser::keywords::ALL_KEYWORDS
        .binary_search(&name.as_str().to_ascii_uppercase().as_str())
        .is_ok();
    if plain && !keyword {
        name.to_string()
    } else {
        format!("\"{name}\"")
    }
}

/// The first literal that a branch of the body yields.
fn constants(body: &Expr) -> Option<Expr> {
    let mut found = None;
    let _: std::ops::ControlFlow<()> = visit_expressions(body, |part| {
        if let Expr::Case {
            conditions,
            else_result,
            ..
        } = part
        {
            found = conditions
                .iter()
                .map(|c| &c.result)
                .chain(else_result.as_deref())
                .find_map(constant);
        }
        if found.is_some() {
            std::ops::ControlFlow::Break(())
        } else {
            std::ops::ControlFlow::Continue(())
        }
    });
    found
}

fn calls_any(body: &Expr, names: &[&str]) -> bool {
    visit_expressions(body, |part| match part {
        Expr::Function(function)
            if call_name(function).is_some_and(|name| names.contains(&name.as_str())) =>
        {
            std::ops::ControlFlow::Break(())
        }
        _ => std::ops::ControlFlow::Continue(()),
    })
    .is_break()
}

/// Literals that look like somebody's identifier. The message never repeats them.
fn literal_phi(function: &Function, body: &Expr) -> Option<Finding> {
    let found = visit_expressions(body, |part| match literal(part) {
        Some(Literal::Text(text)) if looks_like_phi(&text) => std::ops::ControlFlow::Break(()),
        Some(Literal::Int(number)) if (100_000_000..=999_999_999).contains(&number) => {
            std::ops::ControlFlow::Break(())
        }
        _ => std::ops::ControlFlow::Continue(()),
    });
    found.is_break().then(|| {
        finding(
            "LITERAL_PHI",
            Severity::Error,
            function.name.to_string(),
            "the body holds a literal that looks like a person's identifier; bodies stay in the catalog's history",
        )
    })
}

fn looks_like_phi(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let numeric = text
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '-' | ' ' | '(' | ')' | '.' | '+' | '/'));
    let email = text.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && host.contains('.') && !text.contains(char::is_whitespace)
    });
    // Nine digits or more: an SSN, a telephone number, an MRN, a card. Eight with separators: a date
    // is no identifier of its own in a policy ("admitted after").
    email || (numeric && digits >= 9)
}

/// The code that belongs to a finding, for exit codes and receipts.
#[must_use]
pub fn code(finding: &Finding) -> Code {
    if finding.rule == FAIL_OPEN {
        Code::PolicyFailOpen
    } else {
        Code::Findings
    }
}

#[cfg(test)]
mod tests;
