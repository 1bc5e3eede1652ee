//! Who changed what when: notices that a change was computed on a state that is no longer true.
//!
//! What a reader would get wrong: publishing a table's data and changing its definition are
//! different. An insert that was planned before its table's definition, schema or inherited tags
//! changed must conflict, since a column may have become PHI in between and its file be written
//! under the wrong key; but two inserts only meet where one of them insists on the version it read.

use std::collections::BTreeMap;

use lakeward_domain::TableId;

use crate::{Change, Error, ObjectId, Result, State};

/// What is known of a stored row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    /// The epoch of the row.
    pub(crate) epoch: u64,
    /// The epoch of the last change that was more than publishing.
    pub(crate) defined: u64,
    /// The row's MAC.
    pub(crate) mac: [u8; 32],
}

/// Marks of all rows, and the changes that left none.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) rows: BTreeMap<ObjectId, Mark>,
    /// When an object was dropped. Since this process opened the catalog, which is enough: no base
    /// is older than that.
    pub(crate) dropped: BTreeMap<ObjectId, u64>,
    /// When a policy of this table was put or dropped; likewise.
    pub(crate) policies: BTreeMap<TableId, u64>,
}

impl History {
    /// Refuses a change that was computed on `base` and looked at something that changed since.
    /// `state` is the newest one, without the change.
    pub(crate) fn check(&self, state: &State, base: u64, change: &Change) -> Result<()> {
        let object = change.object();
        let unchanged = |id: ObjectId, at: u64| {
            if at > base {
                Err(Error::Conflict(id))
            } else {
                Ok(())
            }
        };
        match change {
            Change::Publish { table, .. } => {
                unchanged(object, self.defined(object))?;
                self.inherited(state, *table)
                    .try_for_each(|(id, at)| unchanged(id, at))?;
            }
            Change::PutTable(table) => {
                let schema = ObjectId::Schema(table.schema);
                unchanged(object, self.changed(object))?;
                unchanged(schema, self.changed(schema))?;
                self.inherited(state, table.id)
                    .try_for_each(|(id, at)| unchanged(id, at))?;
            }
            Change::PutPolicy(policy) => {
                let table = ObjectId::Table(policy.table);
                let function = ObjectId::Function(policy.function);
                unchanged(object, self.changed(object))?;
                unchanged(table, self.defined(table))?;
                unchanged(function, self.changed(function))?;
                // Two people who each mask the same column do not know of each other.
                let policies = self.policies.get(&policy.table).copied();
                unchanged(table, policies.unwrap_or(0))?;
            }
            Change::PutFunction(function) => {
                unchanged(object, self.changed(object))?;
                // A policy that was bound to the old body in the meantime.
                for policy in state.policies().filter(|p| p.function == function.id) {
                    let id = ObjectId::Policy(policy.id);
                    unchanged(id, self.changed(id))?;
                }
            }
            Change::PutSchema(_)
            | Change::DropSchema(_)
            | Change::DropTable(_)
            | Change::DropFunction(_)
            | Change::DropPolicy(_)
            | Change::PutPrincipal(_)
            | Change::DropPrincipal(_)
            | Change::PutGrant(_)
            | Change::DropGrant(_)
            | Change::PutKek(_)
            | Change::SetCatalogTags(_) => unchanged(object, self.changed(object))?,
        }
        Ok(())
    }

    fn changed(&self, id: ObjectId) -> u64 {
        self.rows
            .get(&id)
            .map_or_else(|| self.gone(id), |mark| mark.epoch)
    }

    fn defined(&self, id: ObjectId) -> u64 {
        self.rows
            .get(&id)
            .map_or_else(|| self.gone(id), |mark| mark.defined)
    }

    fn gone(&self, id: ObjectId) -> u64 {
        self.dropped.get(&id).copied().unwrap_or(0)
    }

    /// Where a table's inherited tags come from, with the last change of each.
    fn inherited(
        &self,
        state: &State,
        table: TableId,
    ) -> impl Iterator<Item = (ObjectId, u64)> + use<> {
        let schema = state
            .table(table)
            .map(|table| ObjectId::Schema(table.schema));
        let sources: Vec<_> = schema
            .into_iter()
            .chain([ObjectId::Catalog])
            .map(|id| (id, self.changed(id)))
            .collect();
        sources.into_iter()
    }
}
