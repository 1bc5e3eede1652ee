//! The catalog at one epoch: everything, in memory, never changing.
//!
//! What a reader would get wrong: cloning a state is cheap. Each kind of object is shared with the
//! epoch before until a commit touches that kind.

mod apply;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use lakeward_domain::{
    Door, FunctionId, GrantId, Group, KeyId, Name, PolicyId, Principal, PrincipalId, Requester,
    Schema, SchemaId, Table, TableId, TableName, Tags,
};
use lakeward_keys::KekRecord;
use lakeward_policy::{Facts, Function, Grant, Grantee, Policy};

type Shared<K, V> = Arc<BTreeMap<K, V>>;

/// Everything that exists at one epoch.
#[derive(Clone, Default)]
pub struct State {
    /// Counts commits, from 1.
    pub epoch: u64,
    tags: Arc<Tags>,
    schemas: Shared<SchemaId, Arc<Schema>>,
    tables: Shared<TableId, Arc<Table>>,
    functions: Shared<FunctionId, Arc<Function>>,
    policies: Shared<PolicyId, Arc<Policy>>,
    principals: Shared<PrincipalId, Arc<Principal>>,
    grants: Shared<GrantId, Arc<Grant>>,
    keks: Shared<(KeyId, u32), Arc<KekRecord>>,

    schema_names: Shared<Name, SchemaId>,
    table_names: Shared<(SchemaId, Name), TableId>,
    function_names: Shared<(SchemaId, Name), FunctionId>,
    principal_names: Shared<Name, PrincipalId>,
    policies_on: Shared<TableId, BTreeSet<PolicyId>>,
    grants_to: Shared<Grantee, BTreeSet<GrantId>>,
    /// From a member to the groups that name it.
    memberships: Shared<PrincipalId, BTreeSet<PrincipalId>>,
}

impl fmt::Debug for State {
    /// Counts only: names and policy literals may be somebody's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("epoch", &self.epoch)
            .field("tables", &self.tables.len())
            .field("policies", &self.policies.len())
            .field("principals", &self.principals.len())
            .finish_non_exhaustive()
    }
}

impl State {
    /// The catalog's own tags.
    #[must_use]
    pub fn catalog_tags(&self) -> &Tags {
        &self.tags
    }

    /// All schemas, by id.
    pub fn schemas(&self) -> impl Iterator<Item = &Schema> {
        self.schemas.values().map(AsRef::as_ref)
    }

    /// A schema.
    #[must_use]
    pub fn schema(&self, id: SchemaId) -> Option<&Schema> {
        self.schemas.get(&id).map(AsRef::as_ref)
    }

    /// The schema of this name.
    #[must_use]
    pub fn schema_by_name(&self, name: &Name) -> Option<&Schema> {
        self.schema(*self.schema_names.get(name)?)
    }

    /// All tables, by id.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.values().map(AsRef::as_ref)
    }

    /// The tables of a schema, by name.
    pub fn tables_in(&self, schema: SchemaId) -> impl Iterator<Item = &Table> {
        within(&self.table_names, schema).filter_map(|id| self.table(*id))
    }

    /// A table.
    #[must_use]
    pub fn table(&self, id: TableId) -> Option<&Table> {
        self.tables.get(&id).map(AsRef::as_ref)
    }

    /// A table that outlives the state.
    #[must_use]
    pub fn shared_table(&self, id: TableId) -> Option<Arc<Table>> {
        self.tables.get(&id).map(Arc::clone)
    }

    /// The table of this name.
    #[must_use]
    pub fn table_by_name(&self, name: &TableName) -> Option<&Table> {
        let schema = *self.schema_names.get(&name.schema)?;
        self.table(*self.table_names.get(&(schema, name.table.clone()))?)
    }

    /// All functions, by id.
    pub fn functions(&self) -> impl Iterator<Item = &Function> {
        self.functions.values().map(AsRef::as_ref)
    }

    /// The functions of a schema, by name.
    pub fn functions_in(&self, schema: SchemaId) -> impl Iterator<Item = &Function> {
        within(&self.function_names, schema).filter_map(|id| self.function(*id))
    }

    /// A function.
    #[must_use]
    pub fn function(&self, id: FunctionId) -> Option<&Function> {
        self.functions.get(&id).map(AsRef::as_ref)
    }

    /// The function of this name.
    #[must_use]
    pub fn function_by_name(&self, name: &TableName) -> Option<&Function> {
        let schema = *self.schema_names.get(&name.schema)?;
        self.function(*self.function_names.get(&(schema, name.table.clone()))?)
    }

    /// All policies, by id.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.values().map(AsRef::as_ref)
    }

    /// A policy.
    #[must_use]
    pub fn policy(&self, id: PolicyId) -> Option<&Policy> {
        self.policies.get(&id).map(AsRef::as_ref)
    }

    /// The policies that stand on a table, by id.
    #[must_use]
    pub fn policies_on(&self, table: TableId) -> Vec<&Policy> {
        let ids = self.policies_on.get(&table).into_iter().flatten();
        ids.filter_map(|id| self.policy(*id)).collect()
    }

    /// All users, services and groups, by id.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.principals.values().map(AsRef::as_ref)
    }

    /// All users and services, by id.
    pub fn users(&self) -> impl Iterator<Item = &Principal> {
        self.principals()
            .filter(|principal| matches!(principal, Principal::User { .. }))
    }

    /// All groups, by id.
    pub fn groups(&self) -> impl Iterator<Item = &Principal> {
        self.principals()
            .filter(|principal| matches!(principal, Principal::Group { .. }))
    }

    /// A user, service or group.
    #[must_use]
    pub fn principal(&self, id: PrincipalId) -> Option<&Principal> {
        self.principals.get(&id).map(AsRef::as_ref)
    }

    /// The user, service or group of this name; they share one space of names.
    #[must_use]
    pub fn principal_by_name(&self, name: &Name) -> Option<&Principal> {
        self.principal(*self.principal_names.get(name)?)
    }

    /// The user or service of this name.
    #[must_use]
    pub fn user_by_name(&self, name: &Name) -> Option<&Principal> {
        self.principal_by_name(name)
            .filter(|principal| matches!(principal, Principal::User { .. }))
    }

    /// The group of this name.
    #[must_use]
    pub fn group_by_name(&self, name: &Name) -> Option<&Principal> {
        self.principal_by_name(name)
            .filter(|principal| matches!(principal, Principal::Group { .. }))
    }

    /// The groups that a principal is in, directly or through other groups. A group that contains
    /// itself, through others, is in itself.
    #[must_use]
    pub fn groups_of(&self, principal: PrincipalId) -> BTreeSet<Group> {
        let mut found = BTreeSet::new();
        let mut waiting = vec![principal];
        while let Some(member) = waiting.pop() {
            for group in self.memberships.get(&member).into_iter().flatten() {
                if found.insert(*group) {
                    waiting.push(*group);
                }
            }
        }
        found
            .into_iter()
            .filter_map(|id| {
                let name = self.principal(id)?.name().clone();
                Some(Group { id, name })
            })
            .collect()
    }

    /// The user or service of this name as somebody who asks. `None` for an unknown name, a group,
    /// and a disabled user.
    #[must_use]
    pub fn requester(&self, name: &Name, door: Door) -> Option<Requester> {
        match self.principal_by_name(name)? {
            Principal::User {
                id,
                name,
                requester_kind,
                attributes,
                duties,
                disabled: false,
            } => Some(Requester {
                id: *id,
                name: name.clone(),
                kind: *requester_kind,
                groups: self.groups_of(*id),
                attributes: attributes.clone(),
                duties: duties.clone(),
                purpose: None,
                impersonator: None,
                door,
            }),
            Principal::User { disabled: true, .. } | Principal::Group { .. } => None,
        }
    }

    /// All grants, by id.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.grants.values().map(AsRef::as_ref)
    }

    /// A grant.
    #[must_use]
    pub fn grant(&self, id: GrantId) -> Option<&Grant> {
        self.grants.get(&id).map(AsRef::as_ref)
    }

    /// The grants that name this grantee, and not those that reach it through groups.
    pub fn grants_of(&self, grantee: Grantee) -> impl Iterator<Item = &Grant> {
        let ids = self.grants_to.get(&grantee).into_iter().flatten();
        ids.filter_map(|id| self.grant(*id))
    }

    /// All key records, every version.
    pub fn keks(&self) -> impl Iterator<Item = &KekRecord> {
        self.keks.values().map(AsRef::as_ref)
    }

    /// One version of a key record.
    #[must_use]
    pub fn kek(&self, id: KeyId, version: u32) -> Option<&KekRecord> {
        self.keks.get(&(id, version)).map(AsRef::as_ref)
    }
}

#[cfg(test)]
impl State {
    /// All indexes, for comparison.
    pub(crate) fn indexes(&self) -> String {
        format!(
            "{:?}",
            (
                &self.schema_names,
                &self.table_names,
                &self.function_names,
                &self.principal_names,
                &self.policies_on,
                &self.grants_to,
                &self.memberships,
            )
        )
    }
}

/// The entries of one schema in an index of names.
fn within<V>(names: &BTreeMap<(SchemaId, Name), V>, schema: SchemaId) -> impl Iterator<Item = &V> {
    names
        .iter()
        .filter(move |((of, _), _)| *of == schema)
        .map(|(_, id)| id)
}

impl Facts for State {
    fn table(&self, id: TableId) -> Option<&Table> {
        Self::table(self, id)
    }

    fn policies_on(&self, id: TableId) -> Vec<&Policy> {
        Self::policies_on(self, id)
    }

    fn function(&self, id: FunctionId) -> Option<&Function> {
        Self::function(self, id)
    }

    fn grants_to(&self, requester: &Requester) -> Vec<&Grant> {
        let groups = requester.groups.iter().map(|group| group.id);
        std::iter::once(requester.id)
            .chain(groups)
            .map(Grantee::Principal)
            .chain([Grantee::AccountUsers])
            .flat_map(|grantee| self.grants_of(grantee))
            .collect()
    }

    fn group_exists(&self, name: &Name) -> bool {
        self.group_by_name(name).is_some()
    }

    fn catalog_tags(&self) -> &Tags {
        Self::catalog_tags(self)
    }

    fn schema(&self, id: SchemaId) -> Option<&Schema> {
        Self::schema(self, id)
    }
}
