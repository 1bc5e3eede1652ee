//! `lakeward policy lint`: what is legal but unwise.
//!
//! The corrected function that it proposes holds the body's own literals, so it is for policy
//! administrators, and the look is in the ledger.

use lakeward_catalog::State;
use lakeward_domain::{Door, Duty};
use lakeward_policy::lint::{self, Finding, Severity};

use super::{Done, login, opened, out::text_batch, record::Record};
use crate::{Format, Out, Result, cli::Policy, config::Config};

/// Lints all functions, policies and tables.
///
/// # Errors
/// [`lakeward_domain::Code::Denied`] without the duty policy_admin, and what the lake says.
pub async fn run(args: Policy, config: &Config, out: &mut Out) -> Result<Done> {
    let Policy::Lint = args;
    let lake = opened(config, out).await?;
    let session = login(&lake, config, None, Door::Cli).await?;
    let record = Record::begin(&session, "policy lint", Duty::PolicyAdmin).await?;
    let findings = findings(&lake.engine.state());
    let shown = show(&findings, out);
    record
        .end(lake.engine.ledger(), findings.len() as u64, shown)
        .await?;
    Ok(if findings.iter().any(is_unwise) {
        Done::Findings
    } else {
        Done::Fine
    })
}

/// What the lint finds in a lake: tables with what is bound to them, and functions bound to nothing.
#[must_use]
pub fn findings(state: &State) -> Vec<Finding> {
    let tables: Vec<_> = state.tables().map(|table| table.id).collect();
    let mut findings = lint::whole(state, &tables);
    let unbound = state.functions().filter(|function| {
        state
            .policies()
            .all(|policy| policy.function != function.id)
    });
    findings.extend(unbound.flat_map(lint::function));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// A note is good to know; it does not make the command fail.
fn is_unwise(finding: &Finding) -> bool {
    finding.severity >= Severity::Warning
}

fn show(findings: &[Finding], out: &mut Out) -> Result<()> {
    // A statement in a cell is unreadable for people and right for programs.
    let short = matches!(out.format(), Format::Table | Format::Md);
    let mut names = vec!["rule", "severity", "object", "message"];
    if !short {
        names.push("corrected");
    }
    let rows: Vec<Vec<Option<String>>> = findings
        .iter()
        .map(|finding| {
            let mut row = vec![
                Some(finding.rule.to_owned()),
                Some(format!("{:?}", finding.severity).to_lowercase()),
                Some(finding.object.clone()),
                Some(finding.message.clone()),
            ];
            if !short {
                row.push(finding.corrected.clone());
            }
            row
        })
        .collect();
    out.batch(&text_batch(&names, &rows)?)?;
    for corrected in findings
        .iter()
        .filter_map(|finding| finding.corrected.as_ref())
    {
        if short {
            out.line(&format!("\n{corrected};"))?;
        }
    }
    let notes = findings
        .iter()
        .filter(|finding| !is_unwise(finding))
        .count();
    let s = |count| if count == 1 { "" } else { "s" };
    let unwise = findings.len() - notes;
    out.note(&format!(
        "{unwise} finding{}, {notes} note{}",
        s(unwise),
        s(notes)
    ))
}
