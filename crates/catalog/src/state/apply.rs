//! How a state becomes the next one: puts and removals, one by one, then one check of everything
//! that they touched.
//!
//! What a reader would get wrong: this is the last line and not the place of the rules. The engine
//! checks rights and dependencies and says why; here, where commits stand in one row, is checked what
//! two concurrent commits could break together, each right by itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lakeward_domain::{Principal, Published, Table, TableId};
use lakeward_policy::{Argument, Grant, Grantee, Policy, PolicyKind, Securable};

use super::State;
use crate::{Change, Error, ObjectId, Result, change::Effect, row::Record};

/// What changes touched.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Every object that was put or removed.
    pub(crate) objects: BTreeSet<ObjectId>,
    /// Those of them that changed by more than publishing.
    pub(crate) defined: BTreeSet<ObjectId>,
    /// Tables whose set of policies changed.
    pub(crate) policies: BTreeSet<TableId>,
}

impl Touched {
    fn mark(&mut self, id: ObjectId) {
        self.objects.insert(id);
        self.defined.insert(id);
    }
}

impl State {
    /// The next state, and what differs.
    pub(crate) fn next(&self, changes: Vec<Change>) -> Result<(Self, Touched)> {
        let mut next = self.clone();
        next.epoch += 1;
        let mut touched = Touched::default();
        for change in changes {
            match change.effect() {
                Effect::Put(record) => next.put_checked(*record, &mut touched)?,
                Effect::Remove(id) => next.remove_checked(id, &mut touched)?,
                Effect::Publish(table, expected, published) => {
                    next.publish(table, expected, published, &mut touched)?;
                }
            }
        }
        next.cascade(&mut touched);
        for id in &touched.objects {
            next.check(*id)?;
        }
        Ok((next, touched))
    }

    /// The record of an object, where it exists.
    pub(crate) fn record(&self, id: ObjectId) -> Option<Record> {
        match id {
            // Tags exist always, but have no row before they are first set.
            ObjectId::Catalog => Some(Record::Catalog(self.tags.as_ref().clone())),
            ObjectId::Schema(id) => self.schema(id).cloned().map(Record::Schema),
            ObjectId::Table(id) => self.table(id).cloned().map(Record::Table),
            ObjectId::Function(id) => self.function(id).cloned().map(Record::Function),
            ObjectId::Policy(id) => self.policy(id).cloned().map(Record::Policy),
            ObjectId::Principal(id) => self.principal(id).cloned().map(Record::Principal),
            ObjectId::Grant(id) => self.grant(id).cloned().map(Record::Grant),
            ObjectId::Kek(id, version) => self.kek(id, version).cloned().map(Record::Kek),
        }
    }

    fn put_checked(&mut self, mut record: Record, touched: &mut Touched) -> Result<()> {
        match &mut record {
            Record::Table(table) => {
                table.protected |= self.policies_on.contains_key(&table.id);
                if let Some(old) = self.table(table.id) {
                    table.protected |= old.protected;
                    if old.published.version > table.published.version {
                        table.published = old.published.clone();
                    }
                }
            }
            Record::Policy(policy) => {
                if let Some(old) = self.policy(policy.id).map(|old| old.table) {
                    touched.policies.insert(old);
                }
                touched.policies.insert(policy.table);
                if let Some(table) = self.table(policy.table).filter(|t| !t.protected) {
                    let mut table = table.clone();
                    table.protected = true;
                    touched.mark(ObjectId::Table(table.id));
                    self.put(Record::Table(table))?;
                }
            }
            Record::Principal(principal) => {
                let group = |principal: &Principal| matches!(principal, Principal::Group { .. });
                let kind = self.principal(principal.id()).map(group);
                if kind.is_some_and(|was| was != group(principal)) {
                    return Err(Error::Invalid {
                        what: "the kind",
                        id: ObjectId::Principal(principal.id()),
                    });
                }
            }
            Record::Grant(grant) => {
                let same = |other: &Grant| {
                    other.id != grant.id
                        && other.privilege == grant.privilege
                        && other.on == grant.on
                };
                if self.grants_of(grant.grantee).any(same) {
                    return Ok(());
                }
            }
            Record::Catalog(_) | Record::Schema(_) | Record::Function(_) | Record::Kek(_) => {}
        }
        touched.mark(record.id());
        self.put(record)
    }

    fn remove_checked(&mut self, id: ObjectId, touched: &mut Touched) -> Result<()> {
        if self.record(id).is_none() {
            return Err(Error::NotFound(id));
        }
        if let ObjectId::Policy(policy) = id {
            touched
                .policies
                .extend(self.policy(policy).map(|policy| policy.table));
        }
        touched.mark(id);
        self.remove(id);
        Ok(())
    }

    fn publish(
        &mut self,
        id: TableId,
        expected: Option<u64>,
        published: Published,
        touched: &mut Touched,
    ) -> Result<()> {
        let object = ObjectId::Table(id);
        let table = self.table(id).ok_or(Error::NotFound(object))?;
        let now = &table.published;
        if expected.is_some_and(|expected| expected != now.version) {
            return Err(Error::Conflict(object));
        }
        // A forked log. No conflict, since no newer state would make it fit.
        if published.version == now.version && published.head != now.head {
            return Err(Error::Invalid {
                what: "the head of the published version",
                id: object,
            });
        }
        if published.version < now.version {
            return if expected.is_some() {
                Err(Error::Invalid {
                    what: "the version to publish",
                    id: object,
                })
            } else {
                Ok(())
            };
        }
        if published != *now {
            let mut table = table.clone();
            table.published = published;
            touched.objects.insert(object);
            self.put(Record::Table(table))?;
        }
        Ok(())
    }

    /// Removes what only made sense with something that is gone.
    fn cascade(&mut self, touched: &mut Touched) {
        let gone: BTreeSet<ObjectId> = touched
            .objects
            .iter()
            .copied()
            .filter(|id| self.record(*id).is_none())
            .collect();
        if gone.is_empty() {
            return;
        }
        let policies: Vec<_> = gone
            .iter()
            .filter_map(|id| match id {
                ObjectId::Table(id) => self.policies_on.get(id),
                _ => None,
            })
            .flatten()
            .map(|id| ObjectId::Policy(*id))
            .collect();
        let grants: Vec<_> = self
            .grants()
            .filter(|grant| {
                gone.contains(&securable(&grant.on))
                    || grantee(grant).is_some_and(|id| gone.contains(&id))
            })
            .map(|grant| ObjectId::Grant(grant.id))
            .collect();
        let groups: Vec<_> = gone
            .iter()
            .filter_map(|id| match id {
                ObjectId::Principal(id) => self.memberships.get(id),
                _ => None,
            })
            .flatten()
            .filter_map(|id| self.principal(*id).cloned())
            .collect();
        for id in policies.into_iter().chain(grants) {
            touched.mark(id);
            self.remove(id);
        }
        for mut group in groups {
            if let Principal::Group { members, .. } = &mut group {
                members.retain(|member| !gone.contains(&ObjectId::Principal(*member)));
            }
            touched.mark(ObjectId::Principal(group.id()));
            self.put_principal(group);
        }
    }

    /// Checks an object that was put or removed against the rest.
    fn check(&self, id: ObjectId) -> Result<()> {
        let there = |needed: ObjectId| match self.record(needed) {
            Some(_) => Ok(()),
            None => Err(Error::NotFound(needed)),
        };
        let unused = |by: Option<ObjectId>| by.map_or(Ok(()), |by| Err(Error::InUse { id, by }));
        match (id, self.record(id)) {
            (ObjectId::Schema(schema), None) => {
                unused(self.tables_in(schema).next().map(|t| ObjectId::Table(t.id)))?;
                unused(
                    self.functions_in(schema)
                        .next()
                        .map(|f| ObjectId::Function(f.id)),
                )
            }
            (ObjectId::Function(function), None) => unused(
                self.policies()
                    .find(|policy| policy.function == function)
                    .map(|policy| ObjectId::Policy(policy.id)),
            ),
            (_, Some(Record::Table(table))) => self.check_table(&table),
            (_, Some(Record::Function(function))) => there(ObjectId::Schema(function.schema)),
            (_, Some(Record::Policy(policy))) => {
                there(ObjectId::Function(policy.function))?;
                let table = self.table(policy.table);
                let table = table.ok_or(Error::NotFound(ObjectId::Table(policy.table)))?;
                check_columns(
                    &policy,
                    table,
                    Error::Invalid {
                        what: "a column",
                        id,
                    },
                )
            }
            (_, Some(Record::Principal(Principal::Group { members, .. }))) => members
                .iter()
                .try_for_each(|member| there(ObjectId::Principal(*member))),
            (_, Some(Record::Grant(grant))) => {
                there(securable(&grant.on))?;
                if let Securable::Column(table, column) = grant.on
                    && self
                        .table(table)
                        .is_some_and(|t| t.column_by_id(column).is_none())
                {
                    return Err(Error::Invalid {
                        what: "the column",
                        id,
                    });
                }
                grantee(&grant).map_or(Ok(()), there)
            }
            _ => Ok(()),
        }
    }

    fn check_table(&self, table: &Table) -> Result<()> {
        let id = ObjectId::Table(table.id);
        let invalid = |what| Err(Error::Invalid { what, id });
        if self.schema(table.schema).is_none() {
            return Err(Error::NotFound(ObjectId::Schema(table.schema)));
        }
        let mut names = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for column in &table.columns {
            if !names.insert(&column.name) {
                return Err(Error::AlreadyExists {
                    what: "column",
                    name: column.name.to_string(),
                });
            }
            if !ids.insert(column.id) {
                return invalid("a column's id");
            }
        }
        if !table.partitioned_by.iter().all(|id| ids.contains(id)) {
            return invalid("a partition column");
        }
        // A table whose keys the catalog does not keep could not be read again.
        for (key, version) in table.keys.values() {
            if self.kek(*key, *version).is_none() {
                return Err(Error::NotFound(ObjectId::Kek(*key, *version)));
            }
        }
        for policy in self.policies_on(table.id) {
            let by = ObjectId::Policy(policy.id);
            check_columns(policy, table, Error::InUse { id, by })?;
        }
        Ok(())
    }
}

/// The object that a grant is on. A tag's grants hang on the catalog.
fn securable(on: &Securable) -> ObjectId {
    match on {
        Securable::Catalog | Securable::Tag(..) => ObjectId::Catalog,
        Securable::Schema(id) => ObjectId::Schema(*id),
        Securable::Table(id) | Securable::Column(id, _) => ObjectId::Table(*id),
        Securable::Function(id) => ObjectId::Function(*id),
    }
}

fn grantee(grant: &Grant) -> Option<ObjectId> {
    match grant.grantee {
        Grantee::Principal(id) => Some(ObjectId::Principal(id)),
        Grantee::AccountUsers => None,
    }
}

/// Whether all columns that a policy reads are in its table.
fn check_columns(policy: &Policy, table: &Table, otherwise: Error) -> Result<()> {
    let masked = match policy.kind {
        PolicyKind::Mask { column } => Some(column),
        PolicyKind::RowFilter => None,
    };
    let arguments = policy
        .arguments
        .iter()
        .filter_map(|argument| match argument {
            Argument::Column(column) => Some(*column),
            Argument::Literal(_) => None,
        });
    let mut columns = masked.into_iter().chain(arguments);
    if columns.all(|column| table.column_by_id(column).is_some()) {
        Ok(())
    } else {
        Err(otherwise)
    }
}

/// Puts and removals without checks, keeping the indexes true.
impl State {
    /// Puts a record. Fails where its name is taken.
    pub(crate) fn put(&mut self, record: Record) -> Result<()> {
        match record {
            Record::Catalog(tags) => {
                self.tags = Arc::new(tags);
                self.refresh_tables(|_| true);
            }
            Record::Schema(schema) => {
                let id = schema.id;
                let old = self.schema(id).map(|old| old.name.clone());
                rename(
                    &mut self.schema_names,
                    old,
                    schema.name.clone(),
                    id,
                    "schema",
                    &schema.name,
                )?;
                let functions = self.functions_in(id).cloned().collect::<Vec<_>>();
                for mut function in functions {
                    function.name.schema = schema.name.clone();
                    Arc::make_mut(&mut self.functions).insert(function.id, Arc::new(function));
                }
                Arc::make_mut(&mut self.schemas).insert(id, Arc::new(schema));
                self.refresh_tables(|table| table.schema == id);
            }
            Record::Table(mut table) => {
                let id = table.id;
                let old = self.table(id);
                let old = old.map(|old| (old.schema, old.name.table.clone()));
                let key = (table.schema, table.name.table.clone());
                rename(
                    &mut self.table_names,
                    old,
                    key,
                    id,
                    "table",
                    &table.name.table,
                )?;
                self.inherit(&mut table);
                Arc::make_mut(&mut self.tables).insert(id, Arc::new(table));
            }
            Record::Function(mut function) => {
                let id = function.id;
                let old = self.function(id);
                let old = old.map(|old| (old.schema, old.name.table.clone()));
                let key = (function.schema, function.name.table.clone());
                let name = &function.name.table;
                rename(&mut self.function_names, old, key, id, "function", name)?;
                if let Some(schema) = self.schema(function.schema) {
                    function.name.schema = schema.name.clone();
                }
                Arc::make_mut(&mut self.functions).insert(id, Arc::new(function));
            }
            Record::Policy(policy) => {
                self.remove(ObjectId::Policy(policy.id));
                link(&mut self.policies_on, policy.table, policy.id);
                Arc::make_mut(&mut self.policies).insert(policy.id, Arc::new(policy));
            }
            Record::Principal(principal) => {
                let id = principal.id();
                let old = self.principal(id).map(|old| old.name().clone());
                let name = principal.name();
                rename(
                    &mut self.principal_names,
                    old,
                    name.clone(),
                    id,
                    "user or group",
                    name,
                )?;
                self.put_principal(principal);
            }
            Record::Grant(grant) => {
                self.remove(ObjectId::Grant(grant.id));
                link(&mut self.grants_to, grant.grantee, grant.id);
                Arc::make_mut(&mut self.grants).insert(grant.id, Arc::new(grant));
            }
            Record::Kek(kek) => {
                Arc::make_mut(&mut self.keks).insert((kek.id, kek.version), Arc::new(kek));
            }
        }
        Ok(())
    }

    fn remove(&mut self, id: ObjectId) {
        match id {
            ObjectId::Catalog => self.tags = Arc::default(),
            ObjectId::Schema(id) => {
                if let Some(schema) = Arc::make_mut(&mut self.schemas).remove(&id) {
                    Arc::make_mut(&mut self.schema_names).remove(&schema.name);
                }
            }
            ObjectId::Table(id) => {
                if let Some(table) = Arc::make_mut(&mut self.tables).remove(&id) {
                    let name = (table.schema, table.name.table.clone());
                    Arc::make_mut(&mut self.table_names).remove(&name);
                }
            }
            ObjectId::Function(id) => {
                if let Some(function) = Arc::make_mut(&mut self.functions).remove(&id) {
                    let name = (function.schema, function.name.table.clone());
                    Arc::make_mut(&mut self.function_names).remove(&name);
                }
            }
            ObjectId::Policy(id) => {
                if let Some(policy) = Arc::make_mut(&mut self.policies).remove(&id) {
                    unlink(&mut self.policies_on, policy.table, id);
                }
            }
            ObjectId::Principal(id) => {
                if let Some(principal) = Arc::make_mut(&mut self.principals).remove(&id) {
                    Arc::make_mut(&mut self.principal_names).remove(principal.name());
                    self.unlink_members(&principal);
                }
            }
            ObjectId::Grant(id) => {
                if let Some(grant) = Arc::make_mut(&mut self.grants).remove(&id) {
                    unlink(&mut self.grants_to, grant.grantee, id);
                }
            }
            ObjectId::Kek(id, version) => {
                Arc::make_mut(&mut self.keks).remove(&(id, version));
            }
        }
    }

    /// Puts a principal whose name is in the index.
    fn put_principal(&mut self, principal: Principal) {
        let id = principal.id();
        if let Some(old) = self.principals.get(&id).map(Arc::clone) {
            self.unlink_members(&old);
        }
        if let Principal::Group { members, .. } = &principal {
            for member in members {
                link(&mut self.memberships, *member, id);
            }
        }
        Arc::make_mut(&mut self.principals).insert(id, Arc::new(principal));
    }

    fn unlink_members(&mut self, principal: &Principal) {
        if let Principal::Group { id, members, .. } = principal {
            for member in members {
                unlink(&mut self.memberships, *member, *id);
            }
        }
    }

    fn refresh_tables(&mut self, concerned: impl Fn(&Table) -> bool) {
        let tables = self.tables().filter(|table| concerned(table));
        for mut table in tables.cloned().collect::<Vec<_>>() {
            self.inherit(&mut table);
            Arc::make_mut(&mut self.tables).insert(table.id, Arc::new(table));
        }
    }

    /// Fills in what a table has from its schema and the catalog.
    fn inherit(&self, table: &mut Table) {
        let mut tags = self.tags.as_ref().clone();
        if let Some(schema) = self.schema(table.schema) {
            table.name.schema = schema.name.clone();
            tags.extend(schema.tags.clone());
        }
        table.inherited_tags = tags;
    }
}

type Index<K, V> = Arc<BTreeMap<K, V>>;

/// Moves an object to another name in an index.
fn rename<K: Ord + Clone, V: Copy + Eq>(
    names: &mut Index<K, V>,
    old: Option<K>,
    new: K,
    id: V,
    what: &'static str,
    name: &lakeward_domain::Name,
) -> Result<()> {
    if old.as_ref() == Some(&new) {
        return Ok(());
    }
    if names.contains_key(&new) {
        return Err(Error::AlreadyExists {
            what,
            name: name.to_string(),
        });
    }
    let names = Arc::make_mut(names);
    if let Some(old) = old {
        names.remove(&old);
    }
    names.insert(new, id);
    Ok(())
}

fn link<K: Ord + Clone, V: Ord + Clone>(links: &mut Index<K, BTreeSet<V>>, from: K, to: V) {
    Arc::make_mut(links).entry(from).or_default().insert(to);
}

fn unlink<K: Ord + Clone, V: Ord + Clone>(links: &mut Index<K, BTreeSet<V>>, from: K, to: V) {
    let links = Arc::make_mut(links);
    if let Some(set) = links.get_mut(&from) {
        set.remove(&to);
        if set.is_empty() {
            links.remove(&from);
        }
    }
}
