//! SHOW and DESCRIBE: what the requester may know of.

use datafusion::arrow::record_batch::RecordBatch;
use lakeward_domain::{ColumnAccess, Duty, Tags};
use lakeward_policy::{Action, decide};

use crate::{
    error::{Result, not_found},
    explain::text_batch,
    parse::Statement,
    resolve::Resolver,
};

/// `key=value, …`.
pub(crate) fn tags_text(tags: &Tags) -> Option<String> {
    if tags.is_empty() {
        return None;
    }
    let pairs: Vec<String> = tags
        .iter()
        .map(|(key, value)| {
            if value.is_empty() {
                key.clone()
            } else {
                format!("{key}={value}")
            }
        })
        .collect();
    Some(pairs.join(", "))
}

/// Answers SHOW SCHEMAS, SHOW TABLES and DESCRIBE.
pub(crate) fn run(resolver: &Resolver, statement: &Statement) -> Result<RecordBatch> {
    match statement {
        Statement::ShowTables { schema } => {
            let schemas = match schema {
                Some(schema) => vec![schema.clone()],
                None => resolver.schemas(),
            };
            let rows = schemas
                .iter()
                .flat_map(|schema| resolver.tables_in(schema))
                .map(|name| {
                    let comment = resolver
                        .state
                        .table_by_name(&name)
                        .and_then(|table| table.comment.clone());
                    vec![
                        Some(name.schema.to_string()),
                        Some(name.table.to_string()),
                        comment,
                    ]
                })
                .collect();
            text_batch(&["schema", "table", "comment"], rows)
        }
        Statement::Describe { table } => {
            let found = resolver
                .state
                .table_by_name(table)
                .ok_or_else(|| not_found("table"))?;
            let administers = resolver.requester.has(Duty::SystemAdmin)
                || resolver.requester.has(Duty::PolicyAdmin);
            let ruling = decide(
                resolver.state.as_ref(),
                &resolver.requester,
                found.id,
                Action::Select,
            )
            .ok();
            if ruling.is_none() && !administers && !resolver.sees(found.id) {
                return Err(not_found("table"));
            }
            let rows = found
                .columns
                .iter()
                .map(|column| {
                    let access = ruling
                        .as_ref()
                        .and_then(|ruling| ruling.columns.get(&column.id))
                        .map_or(ColumnAccess::Denied, |ruled| ruled.access);
                    vec![
                        Some(column.name.to_string()),
                        Some(column.data_type.to_string()),
                        Some(if column.nullable { "yes" } else { "no" }.to_owned()),
                        found
                            .partitioned_by
                            .iter()
                            .position(|id| *id == column.id)
                            .map(|at| (at + 1).to_string()),
                        tags_text(&found.column_tags(column)),
                        column.comment.clone(),
                        Some(access.to_string()),
                    ]
                })
                .collect();
            text_batch(
                &[
                    "column",
                    "type",
                    "nullable",
                    "partition",
                    "tags",
                    "comment",
                    "you_see",
                ],
                rows,
            )
        }
        _ => {
            let rows = resolver
                .schemas()
                .iter()
                .map(|name| {
                    let comment = resolver
                        .state
                        .schema_by_name(name)
                        .and_then(|s| s.comment.clone());
                    vec![Some(name.to_string()), comment]
                })
                .collect();
            text_batch(&["schema", "comment"], rows)
        }
    }
}
