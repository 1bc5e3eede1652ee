//! Decides what a requester sees of a table.
//!
//! Pure: same facts, requester and table, same [`TableRuling`]. If a policy cannot be evaluated, the
//! column is denied or the statement refused, never shown.

use std::collections::{BTreeMap, BTreeSet};

use lakeward_domain::{
    Because, Class, Column, ColumnAccess, ColumnId, Duty, LogicalType, Name, Requester, Table,
    TableId, Tags,
};
use sqlparser::ast::Expr;

use crate::{
    Argument, Error, Facts, Function, Policy, PolicyKind, Privilege, Result, Securable,
    fold::{self, never_true},
    grants::{allows, granted_by},
    strength::{revealing_mentions, strictest},
    syntax::{boolean, column, column_of, identifiers, null, parse_expression},
    total::{self, Kind},
};

/// What a statement wants of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Read it.
    Select,
    /// Change its rows. The row filter is also the check on new rows.
    Modify,
    /// See that it is there, and its columns' names and types.
    Metadata,
}

/// What a requester gets of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRuling {
    /// The table.
    pub table: TableId,
    /// Every column of the table has its ruling here.
    pub columns: BTreeMap<ColumnId, ColumnRuling>,
    /// The rows that are left; `None` for all.
    pub row_filter: Option<RowFilterRuling>,
    /// Row filters that let every row through for this requester, and why.
    pub lifted: Vec<Because>,
}

/// What a requester gets of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnRuling {
    /// The outcome.
    pub access: ColumnAccess,
    /// What stands in the column's place: over column ids, to be brought to the column's type with
    /// TRY_CAST, so that no value can make it fail. `None` for raw and denied columns.
    pub mask: Option<Expr>,
    /// The columns whose stored values are needed.
    pub reads: BTreeSet<ColumnId>,
    /// Why.
    pub because: Because,
}

/// The rows a requester gets.
#[derive(Debug, Clone, PartialEq)]
pub struct RowFilterRuling {
    /// Over column ids; a row stays if it is TRUE. The literal FALSE: no rows, and nothing is read.
    pub expr: Expr,
    /// The columns whose stored values are needed.
    pub reads: BTreeSet<ColumnId>,
    /// Why, one per policy.
    pub because: Vec<Because>,
}

/// What a requester gets of a table.
///
/// # Errors
/// [`Error::NotFound`] for a missing table and for one that the requester holds no right on: the two
/// cannot be told apart. [`Error::Denied`] for a table that waits for classification, or a right that
/// is missing on a table the requester may see. [`Error::Invalid`] for a row filter that cannot be
/// evaluated.
pub fn decide(
    facts: &dyn Facts,
    requester: &Requester,
    table: TableId,
    action: Action,
) -> Result<TableRuling> {
    let missing = || Error::NotFound("table".into());
    let table = facts.table(table).ok_or_else(missing)?;
    if !may_see(facts, requester, table) {
        return Err(missing());
    }
    let readable = readable_columns(facts, requester, table);
    let lacks = |privilege: &str| {
        Err(Error::Denied(format!(
            "{privilege} on {} is not granted",
            table.id
        )))
    };
    match action {
        Action::Select if readable.is_empty() => return lacks("SELECT"),
        Action::Modify
            if !allows(
                facts,
                requester,
                Privilege::Modify,
                &Securable::Table(table.id),
            ) =>
        {
            return lacks("MODIFY");
        }
        Action::Select | Action::Modify
            if unverified(table) && !requester.has(Duty::DataSteward) =>
        {
            return Err(Error::Denied(format!(
                "{} waits for classification (tag classification=unverified)",
                table.id
            )));
        }
        Action::Select | Action::Modify | Action::Metadata => {}
    }

    let policies = facts.policies_on(table.id);
    let deciding = Deciding {
        facts,
        requester,
        table,
        abandoned: table.protected && policies.is_empty(),
        policies,
    };
    let columns: BTreeMap<ColumnId, ColumnRuling> = table
        .columns
        .iter()
        .map(|column| {
            let ruling = match readable.get(&column.id) {
                Some(()) => deciding.column(column),
                None => denied(Because::reason("SELECT on the column is not granted")),
            };
            (column.id, ruling)
        })
        .collect();
    let (row_filter, lifted) = deciding.rows()?;
    Ok(TableRuling {
        table: table.id,
        columns,
        row_filter,
        lifted,
    })
}

/// The columns that policies of a table read to decide about *other* values: whoever could write
/// them could open a row or a mask, so only policy administrators may.
#[must_use]
pub fn policy_inputs(facts: &dyn Facts, table: TableId) -> BTreeSet<ColumnId> {
    facts
        .policies_on(table)
        .into_iter()
        .flat_map(|policy| {
            let own = match policy.kind {
                PolicyKind::Mask { column } => Some(column),
                PolicyKind::RowFilter => None,
            };
            policy
                .arguments
                .iter()
                .filter_map(move |argument| match argument {
                    Argument::Column(id) if Some(*id) != own => Some(*id),
                    Argument::Column(_) | Argument::Literal(_) => None,
                })
        })
        .collect()
}

/// Whether a requester may know that a table is there: by any right on it or on one of its columns,
/// or by a duty that needs names.
#[must_use]
pub fn may_see(facts: &dyn Facts, requester: &Requester, table: &Table) -> bool {
    let duty = [Duty::SystemAdmin, Duty::PolicyAdmin, Duty::DataSteward]
        .into_iter()
        .any(|duty| requester.has(duty));
    duty || [
        Privilege::Select,
        Privilege::Modify,
        Privilege::Unmask,
        Privilege::Export,
        Privilege::Manage,
    ]
    .into_iter()
    .any(|privilege| {
        allows(facts, requester, privilege, &Securable::Table(table.id))
            || table.columns.iter().any(|column| {
                allows(
                    facts,
                    requester,
                    privilege,
                    &Securable::Column(table.id, column.id),
                )
            })
    })
}

fn readable_columns(
    facts: &dyn Facts,
    requester: &Requester,
    table: &Table,
) -> BTreeMap<ColumnId, ()> {
    let whole = allows(
        facts,
        requester,
        Privilege::Select,
        &Securable::Table(table.id),
    );
    table
        .columns
        .iter()
        .filter(|column| {
            whole
                || allows(
                    facts,
                    requester,
                    Privilege::Select,
                    &Securable::Column(table.id, column.id),
                )
        })
        .map(|column| (column.id, ()))
        .collect()
}

fn unverified(table: &Table) -> bool {
    let waits = |tags: &Tags| {
        tags.get("classification")
            .is_some_and(|v| v == "unverified")
    };
    let mut own = table.inherited_tags.clone();
    own.extend(table.tags.clone());
    waits(&own) || table.columns.iter().any(|c| waits(&table.column_tags(c)))
}

fn denied(because: Because) -> ColumnRuling {
    ColumnRuling {
        access: ColumnAccess::Denied,
        mask: None,
        reads: BTreeSet::new(),
        because,
    }
}

fn hidden(because: Because) -> ColumnRuling {
    ColumnRuling {
        access: ColumnAccess::Hidden,
        mask: Some(null()),
        reads: BTreeSet::new(),
        because,
    }
}

fn raw(id: ColumnId, because: Because) -> ColumnRuling {
    ColumnRuling {
        access: ColumnAccess::Raw,
        mask: None,
        reads: BTreeSet::from([id]),
        because,
    }
}

struct Deciding<'a> {
    facts: &'a dyn Facts,
    requester: &'a Requester,
    table: &'a Table,
    policies: Vec<&'a Policy>,
    /// Once protected, and the last policy was dropped.
    abandoned: bool,
}

/// One policy, specialised.
struct Specialised {
    expr: Expr,
    stranger: Expr,
    decided_by: Vec<String>,
}

impl Deciding<'_> {
    fn column(&self, column: &Column) -> ColumnRuling {
        if let Some(grant) = self.unmask(column.id) {
            return raw(
                column.id,
                Because {
                    tag: self.tag(column),
                    decided_by: vec![format!("holds UNMASK by grant {}", grant)],
                    ..Because::reason("UNMASK shows the column without its masks")
                },
            );
        }
        let mut masks: Vec<&Policy> = self
            .policies
            .iter()
            .copied()
            .filter(|p| matches!(p.kind, PolicyKind::Mask { column: id } if id == column.id))
            .collect();
        // Order of creation must not matter, nor the order in which the catalog lists them.
        masks.sort_by_key(|p| p.id);
        if masks.is_empty() {
            return self.without_mask(column);
        }
        masks
            .into_iter()
            .map(|policy| self.masked(column, policy))
            .reduce(|a, b| self.stricter(column.id, a, b))
            .unwrap_or_else(|| self.without_mask(column))
    }

    fn without_mask(&self, column: &Column) -> ColumnRuling {
        if self.abandoned {
            return hidden(Because {
                tag: self.tag(column),
                ..Because::reason(
                    "the table was protected and its last policy is gone: it stays closed until a \
                     policy or UNMASK speaks",
                )
            });
        }
        if self.table.class(column) == Class::Phi {
            return hidden(Because {
                tag: self.tag(column),
                ..Because::reason("tagged PHI, and neither a policy nor UNMASK speaks for it")
            });
        }
        raw(
            column.id,
            Because::reason("SELECT is granted and no mask stands on the column"),
        )
    }

    fn masked(&self, column: &Column, policy: &Policy) -> ColumnRuling {
        let because = |decided_by: Vec<String>, reason: &str| {
            self.because(policy, Some(column), decided_by, reason)
        };
        let Some(Specialised {
            expr,
            stranger,
            decided_by,
        }) = self.specialise(policy).ok()
        else {
            return denied(because(
                Vec::new(),
                "the mask cannot be evaluated, so the column may not be touched",
            ));
        };
        let phi = |id: ColumnId| self.is_phi(id);
        let open_to_all: BTreeSet<_> = revealing_mentions(&stranger, &phi).into_iter().collect();
        let shut = revealing_mentions(&expr, &phi)
            .into_iter()
            .any(|mention| open_to_all.contains(&mention) && self.unmask(mention.0).is_none());
        if shut {
            return hidden(because(
                decided_by,
                "the mask would show PHI through the branch that everybody takes, which needs UNMASK",
            ));
        }
        if total::makes_tokens(&expr) && self.may_write() {
            return hidden(because(
                decided_by,
                "the mask makes tokens, and whoever may write the table could try every value",
            ));
        }
        if let Some(constant) = fold::constant(&expr) {
            return ColumnRuling {
                access: ColumnAccess::Constant,
                mask: Some(constant),
                reads: BTreeSet::new(),
                because: because(decided_by, "the mask is a constant; the column is not read"),
            };
        }
        if column_of(&expr) == Some(column.id) {
            return raw(
                column.id,
                because(decided_by, "the mask shows the value to this requester"),
            );
        }
        ColumnRuling {
            access: ColumnAccess::Computed,
            reads: reads(&expr),
            mask: Some(expr),
            because: because(decided_by, "the mask computes the value"),
        }
    }

    /// Whether the requester may put values of their choice into the table, or could have: who made
    /// it, and who may grant themselves the right.
    fn may_write(&self) -> bool {
        let on = Securable::Table(self.table.id);
        self.table.owner == self.requester.id
            || [Privilege::Modify, Privilege::Manage]
                .into_iter()
                .any(|privilege| allows(self.facts, self.requester, privilege, &on))
    }

    /// The stricter of two rulings on one column.
    fn stricter(&self, id: ColumnId, a: ColumnRuling, b: ColumnRuling) -> ColumnRuling {
        let rank = |access: ColumnAccess| match access {
            ColumnAccess::Denied => 0,
            ColumnAccess::Hidden => 1,
            ColumnAccess::Raw | ColumnAccess::Computed | ColumnAccess::Constant => 2,
        };
        if rank(a.access).min(rank(b.access)) < 2 {
            return if rank(a.access) <= rank(b.access) {
                a
            } else {
                b
            };
        }
        let of = |ruling: &ColumnRuling| ruling.mask.clone().unwrap_or_else(|| column(id));
        let (of_a, of_b) = (of(&a), of(&b));
        let winner = strictest(of_a.clone(), of_b.clone(), id, &|c| {
            c == id || self.is_phi(c)
        });
        if winner == of_a {
            a
        } else if winner == of_b {
            b
        } else {
            let mut decided_by = a.because.decided_by;
            decided_by.extend(b.because.decided_by);
            ColumnRuling {
                access: ColumnAccess::Constant,
                mask: Some(null()),
                reads: BTreeSet::new(),
                because: Because {
                    decided_by,
                    reason: "two masks stand on the column and neither is the stricter one".into(),
                    ..a.because
                },
            }
        }
    }

    fn rows(&self) -> Result<(Option<RowFilterRuling>, Vec<Because>)> {
        if self.abandoned
            && !self
                .table
                .columns
                .iter()
                .any(|c| self.unmask(c.id).is_some())
        {
            let because = Because::reason(
                "the table was protected and its last policy is gone: no row is shown",
            );
            return Ok((Some(no_rows(vec![because])), Vec::new()));
        }
        let mut filters: Vec<&Policy> = self
            .policies
            .iter()
            .copied()
            .filter(|p| matches!(p.kind, PolicyKind::RowFilter))
            .collect();
        filters.sort_by_key(|p| p.id);
        let mut whole = boolean(true);
        let mut standing = Vec::new();
        let mut lifted = Vec::new();
        for policy in filters {
            let Specialised {
                expr, decided_by, ..
            } = self.specialise(policy).map_err(|_| {
                Error::Invalid(format!("row filter {} cannot be evaluated", policy.id))
            })?;
            let expr = if never_true(&expr) {
                boolean(false)
            } else {
                expr
            };
            if expr == boolean(true) {
                lifted.push(self.because(
                    policy,
                    None,
                    decided_by,
                    "the row filter lets every row through for this requester",
                ));
                continue;
            }
            let reason = if expr == boolean(false) {
                "the row filter lets no row through for this requester"
            } else {
                "the row filter keeps the rows for which it is true"
            };
            standing.push(self.because(policy, None, decided_by, reason));
            whole = fold::and(whole, expr);
        }
        if standing.is_empty() {
            return Ok((None, lifted));
        }
        if never_true(&whole) {
            return Ok((Some(no_rows(standing)), lifted));
        }
        Ok((
            Some(RowFilterRuling {
                reads: reads(&whole),
                expr: whole,
                because: standing,
            }),
            lifted,
        ))
    }

    fn specialise(&self, policy: &Policy) -> Result<Specialised> {
        let broken = || Error::Invalid(format!("policy {} cannot be evaluated", policy.id));
        let function = self.facts.function(policy.function).ok_or_else(broken)?;
        let body = parse_expression(&function.body).map_err(|_| broken())?;
        for group in fold::groups_named(&body) {
            let known = Name::parse(&group).is_ok_and(|group| self.facts.group_exists(&group));
            if !known {
                return Err(broken());
            }
        }
        let bindings = bindings(function, policy).ok_or_else(broken)?;
        let (expr, decided_by) = fold::specialise(&body, &bindings, self.requester);
        let stranger = fold::for_a_stranger_with(&body, &bindings, self.requester.purpose.as_ref());
        // A body was checked when it was created; what is left of it is checked again, with the types
        // of the columns it has come to, because this is the last place that could notice a body that
        // nobody checked.
        let expected = match policy.kind {
            PolicyKind::Mask { column } => self
                .table
                .column_by_id(column)
                .map(|c| c.data_type.clone())
                .ok_or_else(broken)?,
            PolicyKind::RowFilter => LogicalType::Boolean,
        };
        let kind_of = |name: &Name| {
            let id = name.as_str().parse().ok()?;
            self.table.column_by_id(id).map(|c| Kind::of(&c.data_type))
        };
        let fits = |expr: &Expr| {
            !total::asks_about_requester(expr)
                && total::check_typed(expr, &kind_of).is_ok_and(|kind| kind.becomes(&expected))
        };
        if fits(&expr) && fits(&stranger) {
            Ok(Specialised {
                expr,
                stranger,
                decided_by,
            })
        } else {
            Err(broken())
        }
    }

    fn unmask(&self, id: ColumnId) -> Option<String> {
        granted_by(
            self.facts,
            self.requester,
            Privilege::Unmask,
            &Securable::Column(self.table.id, id),
        )
        .map(|grant| grant.id.to_string())
    }

    fn is_phi(&self, id: ColumnId) -> bool {
        self.table
            .column_by_id(id)
            .is_none_or(|column| self.table.class(column) == Class::Phi)
    }

    /// The tag that makes a column PHI or sensitive, as `key=value`.
    fn tag(&self, column: &Column) -> Option<String> {
        let tags = self.table.column_tags(column);
        ["phi", "pii", "sensitivity"]
            .into_iter()
            .find_map(|key| tags.get(key).map(|value| format!("{key}={value}")))
    }

    fn because(
        &self,
        policy: &Policy,
        column: Option<&Column>,
        decided_by: Vec<String>,
        reason: &str,
    ) -> Because {
        Because {
            policy: Some(policy.id),
            version: Some(policy.version),
            body_hash: self.facts.function(policy.function).map(|f| f.hash.clone()),
            tag: column.and_then(|c| self.tag(c)),
            decided_by,
            reason: reason.into(),
        }
    }
}

fn no_rows(because: Vec<Because>) -> RowFilterRuling {
    RowFilterRuling {
        expr: boolean(false),
        reads: BTreeSet::new(),
        because,
    }
}

fn reads(expr: &Expr) -> BTreeSet<ColumnId> {
    identifiers(expr)
        .iter()
        .filter_map(|ident| ident.value.parse().ok())
        .collect()
}

/// Parameters to arguments; `None` if they do not fit together.
fn bindings(function: &Function, policy: &Policy) -> Option<BTreeMap<Name, Expr>> {
    if function.parameters.len() != policy.arguments.len() {
        return None;
    }
    function
        .parameters
        .iter()
        .zip(&policy.arguments)
        .map(|((name, _), argument)| {
            let bound = match argument {
                Argument::Column(id) => column(*id),
                Argument::Literal(sql) => fold::constant(&parse_expression(sql).ok()?)?,
            };
            Some((name.clone(), bound))
        })
        .collect()
}

#[cfg(test)]
mod tests;
