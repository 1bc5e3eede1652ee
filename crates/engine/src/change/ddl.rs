//! Schemas and tables.
//!
//! The order is that of DESIGN: what restricts comes first and is durable (keys), then the table's
//! log, then one catalog transaction makes it visible.

mod copy;

use std::collections::{BTreeMap, BTreeSet};

use lakeward_catalog::Change;
use lakeward_domain::{
    Class, Code, Column, ColumnId, Duty, GrantId, LogicalType, Name, Published, Schema, SchemaId,
    Table, TableId, TableName, Tags, names,
};
use lakeward_keys::KeyScope;
use lakeward_lake::{CommitNote, TableChange, arrow_schema};
use lakeward_policy::{Grant, Grantee, PolicyKind, Privilege, Securable};

use super::{Done, Work, dml, policies, taint};
use crate::{
    answer::{Notice, released},
    error::{Error, Result, denied, not_allowed},
    parse::{ColumnSpec, CommentTarget, CreateTable},
    plan::{self, GovernedPlan},
    session::Session,
    write::{Sink, clear, withdraw},
};

/// A column of a table to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewColumn {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub data_type: LogicalType,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// A comment.
    pub comment: Option<String>,
    /// Tags.
    pub tags: Tags,
}

/// A table to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTable {
    /// Its name.
    pub name: TableName,
    /// Columns.
    pub columns: Vec<NewColumn>,
    /// Partition columns.
    pub partitioned_by: Vec<Name>,
    /// A comment.
    pub comment: Option<String>,
    /// Tags.
    pub tags: Tags,
}

pub(super) async fn create_schema(
    work: &Work<'_>,
    name: Name,
    if_not_exists: bool,
    comment: Option<String>,
    tags: Tags,
) -> Result<Done> {
    work.needs(Duty::SystemAdmin, Privilege::Create, &Securable::Catalog)?;
    if name.as_str() == "information_schema" || name.as_str() == "system" {
        return Err(Error::new(
            Code::InvalidName,
            "this schema name is reserved",
        ));
    }
    if work.state().schema_by_name(&name).is_some() {
        if if_not_exists {
            work.decide(None).await?;
            return Ok(Done::changed("schema exists", None));
        }
        return Err(Error::new(
            Code::AlreadyExists,
            "a schema of this name exists",
        ));
    }
    work.decide(None).await?;
    let schema = Schema {
        id: SchemaId::random(),
        name,
        comment,
        tags,
        owner: work.requester().id,
        created: work.engine.clock.now(),
    };
    let grants = [Privilege::Usage, Privilege::Create, Privilege::Manage].map(|privilege| {
        Change::PutGrant(own_grant(work, privilege, Securable::Schema(schema.id)))
    });
    let object = schema.id.to_string();
    let changes = std::iter::once(Change::PutSchema(schema))
        .chain(grants)
        .collect();
    work.commit("create schema", object, BTreeMap::new(), changes)
        .await?;
    Ok(Done::changed("schema created", None))
}

fn own_grant(work: &Work<'_>, privilege: Privilege, on: Securable) -> Grant {
    Grant {
        id: GrantId::random(),
        grantee: Grantee::Principal(work.requester().id),
        privilege,
        on,
        grantor: work.requester().id,
        created: work.engine.clock.now(),
    }
}

pub(super) async fn drop_schema(work: &Work<'_>, name: Name, if_exists: bool) -> Result<Done> {
    let found = work.schema(&name).ok();
    let Some(schema) = found.and_then(|id| work.state().schema(id)) else {
        if if_exists {
            work.decide(None).await?;
            return Ok(Done::changed("no such schema", None));
        }
        return Err(crate::error::not_found("schema"));
    };
    work.needs(
        Duty::SystemAdmin,
        Privilege::Manage,
        &Securable::Schema(schema.id),
    )?;
    let used = work.state().tables().any(|table| table.schema == schema.id)
        || work
            .state()
            .functions()
            .any(|function| function.schema == schema.id);
    if used {
        return Err(Error::new(Code::InUse, "the schema is not empty"));
    }
    if name.as_str() == names::DEFAULT_SCHEMA {
        return Err(not_allowed("DROP of the default schema"));
    }
    work.decide(None).await?;
    let mut changes: Vec<Change> = grants_on(work, |on| *on == Securable::Schema(schema.id));
    changes.push(Change::DropSchema(schema.id));
    work.commit(
        "drop schema",
        schema.id.to_string(),
        BTreeMap::new(),
        changes,
    )
    .await?;
    Ok(Done::changed("schema dropped", None))
}

pub(super) fn grants_on(work: &Work<'_>, matches: impl Fn(&Securable) -> bool) -> Vec<Change> {
    work.state()
        .grants()
        .filter(|grant| matches(&grant.on))
        .map(|grant| Change::DropGrant(grant.id))
        .collect()
}

pub(super) async fn drop_table(work: &Work<'_>, name: TableName, if_exists: bool) -> Result<Done> {
    let table = match work.table(&name) {
        Ok(table) => table.clone(),
        Err(error) if if_exists && error.code() == Code::NotFound => {
            work.decide(None).await?;
            return Ok(Done::changed("no such table", None));
        }
        Err(error) => return Err(error),
    };
    work.needs(
        Duty::SystemAdmin,
        Privilege::Manage,
        &Securable::Table(table.id),
    )?;
    work.decide(Some(&table)).await?;
    let _held = work.engine.lake.lock(table.id).await;
    let mut changes = grants_on(
        work,
        |on| matches!(on, Securable::Table(id) | Securable::Column(id, _) if *id == table.id),
    );
    changes.extend(
        work.state()
            .policies_on(table.id)
            .iter()
            .map(|policy| Change::DropPolicy(policy.id)),
    );
    changes.push(Change::DropTable(table.id));
    work.commit("drop table", table.id.to_string(), BTreeMap::new(), changes)
        .await?;
    // The name is gone; the ciphertext and its log go after it. A crash here leaves a folder that
    // no catalog row names and no key row opens.
    clear(work.engine, table.id).await;
    Ok(Done::changed("table dropped", None))
}

pub(super) async fn comment(
    work: &Work<'_>,
    on: CommentTarget,
    comment: Option<String>,
) -> Result<Done> {
    let (object, change) = match on {
        CommentTarget::Schema(name) => {
            let id = work.schema(&name)?;
            work.needs(Duty::SystemAdmin, Privilege::Manage, &Securable::Schema(id))?;
            let mut schema = work
                .state()
                .schema(id)
                .cloned()
                .ok_or_else(|| crate::error::not_found("schema"))?;
            schema.comment = comment;
            (id.to_string(), Change::PutSchema(schema))
        }
        CommentTarget::Table(name) => {
            let mut table = work.table(&name)?.clone();
            work.needs(
                Duty::SystemAdmin,
                Privilege::Manage,
                &Securable::Table(table.id),
            )?;
            table.comment = comment;
            (table.id.to_string(), Change::PutTable(table))
        }
        CommentTarget::Column(name, column) => {
            let mut table = work.table(&name)?.clone();
            work.needs(
                Duty::SystemAdmin,
                Privilege::Manage,
                &Securable::Table(table.id),
            )?;
            let Some(found) = table.columns.iter_mut().find(|c| c.name == column) else {
                return Err(Error::new(
                    Code::PlanError,
                    "a column of the statement does not exist",
                ));
            };
            found.comment = comment;
            (table.id.to_string(), Change::PutTable(table))
        }
    };
    work.decide(None).await?;
    work.commit("comment", object, BTreeMap::new(), vec![change])
        .await?;
    Ok(Done::changed("comment set", None))
}

/// CREATE [OR REPLACE] TABLE, with or without a query.
pub(super) async fn create_table_statement(work: &Work<'_>, create: CreateTable) -> Result<Done> {
    // The right comes first: whoever may not create here must not learn what is here.
    let schema = work.schema(&create.name.schema)?;
    work.needs(
        Duty::SystemAdmin,
        Privilege::Create,
        &Securable::Schema(schema),
    )?;
    let existing = work.state().table_by_name(&create.name).cloned();
    if let Some(existing) = &existing {
        if create.if_not_exists {
            work.decide(None).await?;
            return Ok(Done::changed("table exists", None));
        }
        if !create.or_replace {
            return Err(Error::new(
                Code::AlreadyExists,
                "a table of this name exists",
            ));
        }
        work.table(&create.name)?;
        work.needs(
            Duty::SystemAdmin,
            Privilege::Manage,
            &Securable::Table(existing.id),
        )?;
    }
    if let Some(key) = create
        .properties
        .keys()
        .find(|key| !key.starts_with("user."))
    {
        let _ = key;
        return Err(not_allowed(
            "a table property that does not begin with user.",
        ));
    }
    let plan = match &create.query {
        Some(query) => {
            let session = work.engine.sessions.reader(work.resolver, work.options);
            let plan = plan::over_governed_tables(session, work.resolver, query.clone()).await?;
            plan::check(&plan.physical, work.resolver)?;
            let own = work.resolver.resolved().into_iter().find(|governed| {
                Some(governed.table.id) == existing.as_ref().map(|table| table.id)
            });
            if own.is_some_and(|governed| !governed.lowered.is_identity()) {
                // Hidden rows would go, and masks would stay in place of values.
                return Err(denied(
                    "to see the table as it is stored: it is replaced by what you see of it",
                ));
            }
            Some(plan)
        }
        None => None,
    };
    let sources = plan.as_ref().map(taint::sources).transpose()?;
    let columns = match &plan {
        Some(plan) => copy::columns(work.resolver, plan, sources.as_deref().unwrap_or_default())?,
        None => create.columns.iter().map(column_of).collect(),
    };
    let new = NewTable {
        name: create.name.clone(),
        columns,
        partitioned_by: create.partitioned_by.clone(),
        comment: create.comment.clone(),
        tags: create.tags.clone(),
    };
    let mut table = lay_out(work, new, schema, existing.as_ref())?;
    table.properties.extend(create.properties.clone());
    let mut extra = Vec::new();
    let mut notices = Vec::new();
    if let (Some(plan), Some(sources)) = (&plan, &sources) {
        let follow = copy::policies(work, &mut table, plan, sources);
        extra.extend(follow.changes);
        notices.extend(follow.notices);
    }
    for spec in &create.columns {
        if let Some(mask) = &spec.mask {
            extra.push(policies::new_mask(work, &mut table, &spec.name, mask)?);
        }
    }
    if let Some(filter) = &create.row_filter {
        extra.push(policies::new_row_filter(work, &mut table, filter)?);
    }
    make(work, table, existing.as_ref(), plan, extra, notices).await
}

fn column_of(spec: &ColumnSpec) -> NewColumn {
    NewColumn {
        name: spec.name.clone(),
        data_type: spec.data_type.clone(),
        nullable: spec.nullable,
        comment: spec.comment.clone(),
        tags: spec.tags.clone(),
    }
}

/// Gives ids, inherits tags, and refuses what cannot be a table. A replaced table keeps its id and
/// those of its columns that have the same name and type, so that grants and policies stay with
/// them; what a policy needs may not vanish.
fn lay_out(
    work: &Work<'_>,
    new: NewTable,
    schema: SchemaId,
    existing: Option<&Table>,
) -> Result<Table> {
    let mut names_seen = BTreeSet::new();
    let mut columns: Vec<Column> = Vec::with_capacity(new.columns.len());
    for column in new.columns {
        if !names_seen.insert(column.name.clone()) {
            return Err(Error::new(
                Code::PlanError,
                "a column name stands twice in the same place",
            ));
        }
        let kept = existing
            .and_then(|table| table.column(&column.name))
            .filter(|old| old.data_type == column.data_type);
        let mut tags = kept.map(|old| old.tags.clone()).unwrap_or_default();
        tags.extend(column.tags);
        columns.push(Column {
            id: kept.map_or_else(ColumnId::random, |old| old.id),
            name: column.name,
            data_type: column.data_type,
            nullable: column.nullable,
            comment: column.comment,
            tags,
        });
    }
    if columns.is_empty() {
        return Err(Error::new(Code::PlanError, "a table needs a column"));
    }
    let mut partitioned_by = Vec::new();
    for name in &new.partitioned_by {
        let Some(column) = columns.iter().find(|column| column.name == *name) else {
            return Err(Error::new(
                Code::PlanError,
                "a partition column does not exist",
            ));
        };
        if partitioned_by.contains(&column.id) {
            return Err(Error::new(
                Code::PlanError,
                "a partition column stands twice",
            ));
        }
        partitioned_by.push(column.id);
    }
    if partitioned_by.len() == columns.len() {
        return Err(Error::new(
            Code::PlanError,
            "a table needs a column that is no partition column",
        ));
    }
    if let Some(existing) = existing {
        let mut needed = lakeward_policy::decide::policy_inputs(work.state(), existing.id);
        needed.extend(
            work.state()
                .policies_on(existing.id)
                .iter()
                .filter_map(|policy| match policy.kind {
                    PolicyKind::Mask { column } => Some(column),
                    PolicyKind::RowFilter => None,
                }),
        );
        if needed
            .iter()
            .any(|id| !columns.iter().any(|column| column.id == *id))
        {
            return Err(Error::new(
                Code::InUse,
                "a policy needs a column that would vanish",
            ));
        }
    }
    let named = new
        .tags
        .keys()
        .chain(columns.iter().flat_map(|column| column.tags.keys()));
    let new_keys: BTreeSet<&String> = named
        .filter(|key| existing.is_none_or(|table| !carries(table, key)))
        .collect();
    may_tag(work, new_keys)?;
    may_classify(work, new.tags.get("classification"))?;
    let mut inherited_tags = work.state().catalog_tags().clone();
    if let Some(schema) = work.state().schema(schema) {
        inherited_tags.extend(schema.tags.clone());
    }
    let mut tags = existing.map(|table| table.tags.clone()).unwrap_or_default();
    tags.extend(new.tags);
    let table = Table {
        id: existing.map_or_else(TableId::random, |table| table.id),
        schema,
        name: new.name,
        columns,
        partitioned_by,
        comment: new.comment,
        tags,
        inherited_tags,
        properties: BTreeMap::new(),
        owner: existing.map_or(work.requester().id, |table| table.owner),
        created: existing.map_or_else(|| work.engine.clock.now(), |table| table.created),
        keys: existing.map(|table| table.keys.clone()).unwrap_or_default(),
        published: existing.map_or(
            Published {
                version: 0,
                head: String::new(),
            },
            |table| table.published.clone(),
        ),
        protected: existing.is_some_and(|table| table.protected),
    };
    check_partitions(&table)?;
    Ok(table)
}

fn carries(table: &Table, key: &str) -> bool {
    table.tags.contains_key(key)
        || table
            .columns
            .iter()
            .any(|column| column.tags.contains_key(key))
}

/// A tag that a grant speaks of opens what carries it: only a policy administrator sets it.
pub(super) fn may_tag<'k>(
    work: &Work<'_>,
    keys: impl IntoIterator<Item = &'k String>,
) -> Result<()> {
    let opens = keys.into_iter().any(|key| {
        work.state()
            .grants()
            .any(|grant| matches!(&grant.on, Securable::Tag(tag, _) if tag == key))
    });
    if opens { may_loosen(work) } else { Ok(()) }
}

/// Closing a table is anybody's who may tag it; declaring it verified is a data steward's.
pub(super) fn may_classify(work: &Work<'_>, value: Option<&String>) -> Result<()> {
    match value {
        Some(value) if value != "unverified" => work.needs_duty(Duty::DataSteward),
        _ => Ok(()),
    }
}

/// Partition values are folder names: they may not hold PHI (and only simple values can be one).
pub(super) fn check_partitions(table: &Table) -> Result<()> {
    for id in &table.partitioned_by {
        let Some(column) = table.column_by_id(*id) else {
            continue;
        };
        if table.class(column) == Class::Phi {
            return Err(Error::new(
                Code::Denied,
                format!(
                    "column {} is tagged PHI and cannot be a partition column",
                    column.name
                ),
            ));
        }
        let nested = matches!(
            column.data_type,
            LogicalType::Struct(_)
                | LogicalType::Array(..)
                | LogicalType::Map(..)
                | LogicalType::Binary
        );
        if nested {
            return Err(Error::new(
                Code::TypeMismatch,
                format!(
                    "column {} has a type that cannot be a partition column",
                    column.name
                ),
            ));
        }
    }
    Ok(())
}

/// The key classes that a table needs: one per class of its columns, and `open` for the footer.
pub(super) fn classes(table: &Table) -> BTreeSet<Class> {
    let mut classes: BTreeSet<Class> = table
        .columns
        .iter()
        .map(|column| table.class(column))
        .collect();
    classes.insert(Class::Open);
    classes
}

/// Makes the KEKs that a table lacks, durable before anything is written under them.
pub(super) async fn make_keys(work: &Work<'_>, table: &mut Table) -> Result<()> {
    let mut changes = Vec::new();
    for class in classes(table) {
        if table.keys.contains_key(&class) {
            continue;
        }
        let scope = KeyScope {
            table: table.id,
            class,
        };
        let record = work
            .engine
            .keyring
            .create_kek(scope, Some(work.requester().id))
            .await?;
        table.keys.insert(class, (record.id, record.version));
        changes.push(Change::PutKek(record));
    }
    if !changes.is_empty() {
        work.engine
            .commit(work.engine.state().epoch, changes)
            .await?;
    }
    Ok(())
}

async fn make(
    work: &Work<'_>,
    mut table: Table,
    existing: Option<&Table>,
    plan: Option<GovernedPlan>,
    extra: Vec<Change>,
    notices: Vec<Notice>,
) -> Result<Done> {
    work.decide(Some(&table)).await?;
    make_keys(work, &mut table).await?;
    if existing.is_none() {
        let note = note(work);
        table.published = work.engine.lake.create_table(&table, note).await?;
    }
    let id = table.id;
    let done = fill_and_commit(work, table, existing, plan, extra).await;
    match done {
        Ok(rows) => {
            let message = match rows {
                Some(rows) => format!("table created with {rows} rows"),
                None => "table created".to_owned(),
            };
            Ok(Done::changed(message, rows)
                .with_notices(notices)
                .with_keys(released(work.resolver)))
        }
        Err(error) => {
            // Where the catalog may have said yes, the next start decides; where there is no such
            // table in it, nothing names the folder.
            let unknown = work.engine.state().table(id).is_none() && existing.is_none();
            if unknown && !matches!(error.code(), Code::StorageFailed | Code::CatalogTampered) {
                clear(work.engine, id).await;
            }
            Err(error)
        }
    }
}

fn note<'w>(work: &'w Work<'_>) -> CommitNote<'w> {
    CommitNote {
        operation: work.kind,
        query: work.receipt.query(),
    }
}

async fn fill_and_commit(
    work: &Work<'_>,
    mut table: Table,
    existing: Option<&Table>,
    plan: Option<GovernedPlan>,
    extra: Vec<Change>,
) -> Result<Option<u64>> {
    let mut rows = None;
    let files = match &plan {
        Some(plan) => {
            let stored = arrow_schema(&table);
            let mapping: Vec<Option<usize>> = (0..table.columns.len()).map(Some).collect();
            let mut sink = Sink::new(work.engine, &table, &stored, None, &plan.schema(), &mapping)?;
            if let Err(error) = dml::fill(work, plan, &mut sink).await {
                sink.abort().await;
                return Err(error);
            }
            let (files, count) = sink.finish().await?;
            rows = Some(count);
            files
        }
        None => Vec::new(),
    };
    let _held = work.engine.lake.lock(table.id).await;
    work.engine.settle(table.id).await?;
    work.receipt
        .changed(work.kind, table.id.to_string(), BTreeMap::new())
        .await?;
    let now = work.engine.state();
    let read = work.resolver.resolved();
    let read = read.iter().map(|governed| governed.table.id);
    let moved = existing.is_some_and(|existing| now.table(existing.id) != Some(existing));
    let held = taint::unchanged(work.state(), &now, read.chain([table.id]));
    if moved || held.is_err() {
        work.engine.lake.discard(table.id, files).await;
        if existing.is_some() && now.table(table.id).is_none() {
            clear(work.engine, table.id).await;
        }
        held?;
        return Err(Error::new(Code::Conflict, "the table changed meanwhile"));
    }
    let change = match existing {
        Some(_) => Some(TableChange::Replace { new: &table, files }),
        None if files.is_empty() => None,
        None => Some(TableChange::Append(files)),
    };
    if let Some(change) = change {
        let onto = existing.unwrap_or(&table);
        match work.engine.lake.commit(onto, change, note(work)).await {
            Ok(published) => table.published = published,
            Err(error) => {
                withdraw(work.engine, table.id).await;
                return Err(error.into());
            }
        }
    }
    let id = table.id;
    let mut changes = vec![Change::PutTable(table)];
    if existing.is_none() {
        let rights = [Privilege::Select, Privilege::Modify, Privilege::Manage];
        changes.extend(
            rights.map(|right| Change::PutGrant(own_grant(work, right, Securable::Table(id)))),
        );
    }
    changes.extend(extra);
    if let Err(error) = work.engine.commit(now.epoch, changes).await {
        withdraw(work.engine, id).await;
        return Err(work.lost(error));
    }
    Ok(rows)
}

impl Session {
    /// Makes a table from a description instead of a text: ingest and import. The same rights and
    /// the same record as CREATE TABLE.
    ///
    /// # Errors
    /// As CREATE TABLE.
    pub async fn create_table(&self, new: NewTable, kind: &'static str) -> Result<()> {
        let engine = self.engine();
        let requester = self.requester()?;
        let text = format!("{kind} {}", new.name);
        let fingerprint = engine
            .keys
            .fingerprint(requester.id, engine.clock.now(), &text);
        let receipt = crate::receipt::Receipt::begin(
            &engine.ledger,
            &engine.clock,
            &requester,
            fingerprint,
            kind,
        )
        .await?;
        let resolver = match engine.resolver(self) {
            Ok(resolver) => resolver,
            Err(error) => return Err(receipt.refuse(kind, error, 0).await),
        };
        let done = async {
            let work = Work {
                engine,
                resolver: &resolver,
                receipt: &receipt,
                sql: "",
                kind,
                options: &self.options,
            };
            let schema = work.schema(&new.name.schema)?;
            work.needs(
                Duty::SystemAdmin,
                Privilege::Create,
                &Securable::Schema(schema),
            )?;
            if work.state().table_by_name(&new.name).is_some() {
                return Err(Error::new(
                    Code::AlreadyExists,
                    "a table of this name exists",
                ));
            }
            let table = lay_out(&work, new, schema, None)?;
            make(&work, table, None, None, Vec::new(), Vec::new()).await
        };
        match done.await {
            Ok(_) => receipt.finished(0, Vec::new()).await,
            Err(error) => Err(receipt.refuse(kind, error, 0).await),
        }
    }
}

/// Refuses what only a policy administrator may loosen.
pub(super) fn may_loosen(work: &Work<'_>) -> Result<()> {
    if work.requester().has(Duty::PolicyAdmin) {
        return Ok(());
    }
    Err(denied(
        "the duty policy_admin, because it loosens protection",
    ))
}
