//! What a copy inherits: tags by lineage, masks and row filters by identity (POLICY.md point 9).
//!
//! It does not matter who copies or what they may see: a privileged job's copy is protected like its
//! source. Where a policy cannot follow, the column is tagged PHI or the table is blocked until a
//! data steward has looked at it.

use std::collections::BTreeSet;

use lakeward_catalog::Change;
use lakeward_domain::{Code, ColumnId, Name, PolicyId, Table, TableId, Tags};
use lakeward_lake::logical_type;
use lakeward_policy::{Argument, Policy, PolicyKind};

use super::{NewColumn, Work, taint};
use crate::{
    answer::Notice,
    error::{Error, Result},
    lineage::Source,
    plan::GovernedPlan,
    resolve::Resolver,
};

/// Tag keys that a copy inherits.
const FOLLOWING: [&str; 4] = ["phi", "pii", "sensitivity", "classification"];

/// The columns of a table made from a query.
pub(super) fn columns(
    resolver: &Resolver,
    plan: &GovernedPlan,
    sources: &[Source],
) -> Result<Vec<NewColumn>> {
    let schema = plan.schema();
    schema
        .fields()
        .iter()
        .enumerate()
        .map(|(at, field)| {
            let name = Name::parse(field.name()).map_err(|_| {
                Error::new(
                    Code::InvalidName,
                    "a column of the query needs a name: use AS",
                )
            })?;
            let data_type = logical_type(field.data_type()).ok_or_else(|| {
                Error::new(
                    Code::TypeMismatch,
                    format!("column {name} has a type that no table can hold: cast it"),
                )
            })?;
            let tags = sources
                .get(at)
                .map(|source| tags(resolver, source))
                .unwrap_or_default();
            Ok(NewColumn {
                name,
                data_type,
                nullable: true,
                comment: None,
                tags,
            })
        })
        .collect()
}

fn tags(resolver: &Resolver, source: &Source) -> Tags {
    let mut tags = Tags::new();
    for stored in &source.from {
        if let Some((table, column)) = taint::stored_column(resolver, stored) {
            let following = table
                .column_tags(column)
                .into_iter()
                .filter(|(key, _)| FOLLOWING.contains(&key.as_str()));
            tags.extend(following);
        }
    }
    tags
}

/// Policies that go with a copy.
#[derive(Debug, Default)]
pub(super) struct Followed {
    pub(super) changes: Vec<Change>,
    pub(super) notices: Vec<Notice>,
}

/// Rebinds the masks and row filters of the sources to the copy; what cannot be rebound tightens it.
pub(super) fn policies(
    work: &Work<'_>,
    copy: &mut Table,
    plan: &GovernedPlan,
    sources: &[Source],
) -> Followed {
    let resolver = work.resolver;
    let mut followed = Followed::default();
    let mut tables: BTreeSet<TableId> = BTreeSet::new();
    for governed in resolver.resolved() {
        tables.insert(governed.table.id);
    }
    for source_table in tables {
        let Some(source) = resolver.state.table(source_table) else {
            continue;
        };
        let survive = taint::rows_survive(&plan.logical, source);
        if taint::is_closed(&resolver.state, source) {
            close(copy, &mut followed, "a source is closed");
        }
        for policy in resolver.state.policies_on(source_table) {
            match policy.kind {
                PolicyKind::RowFilter => match rebind(work, policy, copy, sources, None, survive) {
                    Some(bound) => {
                        copy.protected = true;
                        followed.changes.extend(bound.map(Change::PutPolicy));
                        followed.notices.push(notice(
                            "the row filter of a source was bound to the new table",
                        ));
                    }
                    None => {
                        let why = "a source has a row filter that cannot follow";
                        close(copy, &mut followed, why);
                    }
                },
                PolicyKind::Mask { column } => {
                    follow_mask(
                        work,
                        policy,
                        column,
                        source_table,
                        copy,
                        sources,
                        survive,
                        &mut followed,
                    );
                }
            }
        }
    }
    followed
}

/// Closes a copy to everybody but data stewards.
fn close(copy: &mut Table, followed: &mut Followed, why: &str) {
    copy.tags
        .insert("classification".into(), "unverified".into());
    followed.notices.push(notice(&format!(
        "{why}: the new table is closed (classification = unverified) until a data steward has looked at it"
    )));
}

#[expect(
    clippy::too_many_arguments,
    reason = "one call, and each names another thing"
)]
fn follow_mask(
    work: &Work<'_>,
    policy: &Policy,
    masked: ColumnId,
    source_table: TableId,
    copy: &mut Table,
    sources: &[Source],
    survive: bool,
    followed: &mut Followed,
) {
    for (at, source) in sources.iter().enumerate() {
        let Some(column) = copy.columns.get(at).map(|column| column.id) else {
            continue;
        };
        let is = |stored: &crate::lineage::StoredColumn| {
            taint::stored_column(work.resolver, stored)
                .is_some_and(|(table, found)| table.id == source_table && found.id == masked)
        };
        if source.identity.as_ref().is_some_and(is)
            && let Some(bound) = rebind(work, policy, copy, sources, Some(column), survive)
        {
            copy.protected = true;
            followed.changes.extend(bound.map(Change::PutPolicy));
        } else if source.from.iter().any(is)
            && let Some(found) = copy.columns.get_mut(at)
        {
            found
                .tags
                .entry("phi".into())
                .or_insert_with(|| "derived".into());
            followed.notices.push(notice(
                "a column computed from a masked one was tagged phi=derived",
            ));
        }
    }
}

/// The same policy on the copy, if every column that it reads is there unchanged; the inner `None`
/// says that a replaced table has it already.
fn rebind(
    work: &Work<'_>,
    policy: &Policy,
    copy: &Table,
    sources: &[Source],
    masked: Option<ColumnId>,
    survive: bool,
) -> Option<Option<Policy>> {
    // A mask over its own column alone means the same wherever the value goes; what reads other
    // columns must still find those of the same row.
    if !survive && (masked.is_none() || policy.arguments.len() > 1) {
        return None;
    }
    let moved = |id: ColumnId| -> Option<ColumnId> {
        let at = sources.iter().position(|source| {
            source.identity.as_ref().is_some_and(|stored| {
                taint::stored_column(work.resolver, stored)
                    .is_some_and(|(table, column)| table.id == policy.table && column.id == id)
            })
        })?;
        copy.columns.get(at).map(|column| column.id)
    };
    let mut arguments = policy
        .arguments
        .iter()
        .map(|argument| match argument {
            Argument::Column(id) => moved(*id).map(Argument::Column),
            Argument::Literal(text) => Some(Argument::Literal(text.clone())),
        })
        .collect::<Option<Vec<_>>>()?;
    let kind = match masked {
        Some(column) => {
            // A column copied twice is masked twice: each mask's first argument is its own column.
            if let Some(first) = arguments.first_mut() {
                *first = Argument::Column(column);
            }
            PolicyKind::Mask { column }
        }
        None => PolicyKind::RowFilter,
    };
    let known = work.state().policies_on(copy.id).into_iter().any(|known| {
        known.kind == kind && known.function == policy.function && known.arguments == arguments
    });
    if known {
        return Some(None);
    }
    Some(Some(Policy {
        id: PolicyId::random(),
        version: 1,
        table: copy.id,
        kind,
        function: policy.function,
        arguments,
        owner: policy.owner,
        created: work.engine.clock.now(),
    }))
}

fn notice(text: &str) -> Notice {
    Notice {
        code: None,
        text: text.to_owned(),
    }
}
