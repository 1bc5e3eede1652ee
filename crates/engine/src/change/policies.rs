//! Functions, masks, row filters and tags.

use std::collections::{BTreeMap, BTreeSet};

use lakeward_catalog::Change;
use lakeward_domain::{Code, Duty, FunctionId, Name, PolicyId, Table, TableId, TableName, Tags};
use lakeward_policy::{
    Argument, Function, Policy, PolicyKind, Privilege, Securable, bind,
    ddl::{ArgumentSpec, FirstArg, Statement, TagTarget},
    fold, lint, syntax,
};

use super::{Done, Work, ddl, grants};
use crate::{
    answer::Notice,
    error::{Error, Result, not_allowed, not_found},
    explain::text_batch,
    lower,
    parse::FunctionUse,
};

/// Carries out a statement of the policy room.
pub(super) async fn apply(work: &Work<'_>, statement: Statement) -> Result<Done> {
    match &statement {
        Statement::CreateFunction { .. } => create_function(work, &statement).await,
        Statement::DropFunction { name, if_exists } => drop_function(work, name, *if_exists).await,
        Statement::SetMask {
            table,
            column,
            function,
            first,
            using,
        } => set_mask(work, table, column, function, first, using).await,
        Statement::DropMask { table, column } => drop_mask(work, table, column).await,
        Statement::SetRowFilter {
            table,
            function,
            on,
        } => set_row_filter(work, table, function, on).await,
        Statement::DropRowFilter { table } => drop_row_filter(work, table).await,
        Statement::SetTags { target, tags } => set_tags(work, target, tags).await,
        Statement::UnsetTags { target, keys } => {
            ddl::may_loosen(work)?;
            if keys.contains("classification") {
                work.needs_duty(Duty::DataSteward)?;
            }
            let named: Vec<&str> = keys.iter().map(String::as_str).collect();
            retag(work, target, &named.join(","), |tags| {
                tags.retain(|key, _| !keys.contains(key));
            })
            .await
        }
        Statement::Grant { .. } | Statement::Revoke { .. } => grants::grant(work, &statement).await,
        Statement::GrantDuty { .. } | Statement::RevokeDuty { .. } => {
            grants::duty(work, &statement).await
        }
        Statement::CreateUser { .. }
        | Statement::AlterUser { .. }
        | Statement::DropUser { .. }
        | Statement::CreateGroup { .. }
        | Statement::AlterGroup { .. }
        | Statement::DropGroup { .. } => grants::principal(work, &statement).await,
        Statement::ShowGrants(_) | Statement::ShowUsers | Statement::ShowGroups => {
            grants::show(work, &statement).await
        }
        Statement::ShowPolicies { on } => show_policies(work, on.as_ref()).await,
        Statement::ShowFunctions => show_functions(work).await,
        Statement::DescribeFunction { name } => describe_function(work, name).await,
        Statement::ExplainPolicy(_) | Statement::SetPurpose { .. } | Statement::UnsetPurpose => {
            Err(not_allowed("this statement here"))
        }
    }
}

async fn create_function(work: &Work<'_>, statement: &Statement) -> Result<Done> {
    let Statement::CreateFunction {
        or_replace,
        if_not_exists,
        name,
        parameters,
        returns,
        body,
        comment,
    } = statement
    else {
        return Err(Error::new(Code::Internal, "not a function"));
    };
    let schema = work.schema(&name.schema)?;
    work.needs(
        Duty::PolicyAdmin,
        Privilege::Create,
        &Securable::Schema(schema),
    )?;
    if lakeward_policy::total::makes_tokens(body) {
        // Over values of one's own choice it would be a dictionary of everybody's tokens.
        work.needs_duty(Duty::PolicyAdmin)?;
    }
    let state = work.state();
    let existing = state.function_by_name(name);
    let used = existing
        .map(|known| {
            state
                .policies()
                .filter(|policy| policy.function == known.id)
                .count()
        })
        .unwrap_or_default();
    match existing {
        Some(_) if *if_not_exists => {
            work.decide(None).await?;
            return Ok(Done::changed("function exists", None));
        }
        Some(known) if *or_replace => {
            // Whoever may create functions may not thereby change what a bound policy means.
            if used > 0 {
                ddl::may_loosen(work)?;
            } else {
                work.needs(
                    Duty::PolicyAdmin,
                    Privilege::Manage,
                    &Securable::Function(known.id),
                )?;
            }
        }
        Some(_) => {
            return Err(Error::new(
                Code::AlreadyExists,
                "a function of this name exists",
            ));
        }
        None => {}
    }
    let draft = bind::Draft {
        name,
        parameters,
        returns: returns.as_ref(),
        body,
    };
    let bound = bind::function(draft, &|name| state.function_by_name(name), &|group| {
        state.group_by_name(group).is_some()
    })?;
    let function = Function {
        id: existing.map_or_else(FunctionId::random, |known| known.id),
        name: name.clone(),
        schema,
        parameters: parameters.clone(),
        returns: returns.clone(),
        body: bound.body,
        owner: existing.map_or(work.requester().id, |known| known.owner),
        version: existing.map_or(1, |known| known.version + 1),
        hash: bound.hash,
        comment: comment.clone(),
        created: work.engine.clock.now(),
    };
    // A replaced body must still fit every column that it stands on.
    if used > 0 {
        for policy in state
            .policies()
            .filter(|policy| policy.function == function.id)
        {
            let Some(table) = state.table(policy.table) else {
                continue;
            };
            rebinds(work, table, &function, policy)?;
        }
    }
    work.decide(None).await?;
    let notices = findings(&function);
    let detail = [
        ("version".to_owned(), function.version.to_string()),
        ("body_sha256".to_owned(), function.hash.clone()),
    ];
    let object = function.id.to_string();
    let mut changes = vec![Change::PutFunction(function)];
    if used > 0
        && let Some(known) = existing
    {
        for policy in state
            .policies()
            .filter(|policy| policy.function == known.id)
        {
            let mut next = policy.clone();
            next.version += 1;
            next.created = work.engine.clock.now();
            changes.push(Change::PutPolicy(next));
        }
    }
    work.commit(work.kind, object, detail.into(), changes)
        .await?;
    Ok(Done::changed("function created", None).with_notices(notices))
}

fn rebinds(work: &Work<'_>, table: &Table, function: &Function, policy: &Policy) -> Result<()> {
    let specs: Vec<ArgumentSpec> = policy
        .arguments
        .iter()
        .map(|argument| match argument {
            Argument::Column(id) => table
                .column_by_id(*id)
                .map(|column| ArgumentSpec::Column(column.name.clone()))
                .ok_or_else(|| {
                    Error::new(Code::PolicyInvalid, "a policy names a column that is gone")
                }),
            Argument::Literal(text) => Ok(ArgumentSpec::Literal(text.clone())),
        })
        .collect::<Result<_>>()?;
    match policy.kind {
        PolicyKind::Mask { column } => {
            let Some(column) = table.column_by_id(column) else {
                return Err(Error::new(
                    Code::PolicyInvalid,
                    "a policy names a column that is gone",
                ));
            };
            let using = specs.get(1..).unwrap_or_default();
            bind::mask(table, &column.name, function, &FirstArg::Implied, using)?;
        }
        PolicyKind::RowFilter => {
            bind::row_filter(table, function, &specs)?;
        }
    }
    compiles(work, table, function, policy)
}

/// Compiles the body as the engine would, over the stored columns: what the policy room let pass
/// must also plan, and yield the column's type, or no statement on the table would work again.
fn compiles(work: &Work<'_>, table: &Table, function: &Function, policy: &Policy) -> Result<()> {
    use datafusion::{arrow::datatypes::DataType, common::ToDFSchema};
    let stored = lakeward_lake::arrow_schema(table);
    let invalid = || {
        Error::new(
            Code::PolicyInvalid,
            "the function does not compile over this table",
        )
    };
    let schema = stored
        .as_ref()
        .clone()
        .to_dfschema()
        .map_err(|_| invalid())?;
    let data_type = match policy.kind {
        PolicyKind::Mask { column } => {
            let column = column.to_string();
            stored
                .field_with_name(&column)
                .map_err(|_| invalid())?
                .data_type()
                .clone()
        }
        PolicyKind::RowFilter => DataType::Boolean,
    };
    let pinned = work.engine.sessions.pinned();
    // Both sides of every membership test: what a stranger gets and what the author gets.
    let mut bindings = BTreeMap::new();
    for ((name, _), argument) in function.parameters.iter().zip(&policy.arguments) {
        let bound = match argument {
            Argument::Column(id) => syntax::column(*id),
            Argument::Literal(text) => syntax::parse_expression(text)?,
        };
        bindings.insert(name.clone(), bound);
    }
    let body = syntax::parse_expression(&function.body)?;
    let bodies = [
        fold::for_a_stranger(&body, &bindings),
        fold::specialise(&body, &bindings, work.requester()).0,
    ];
    for body in bodies {
        let lowered = lower::expression(&body, &schema, &pinned)?;
        lower::as_type(lowered, &data_type, &schema, &pinned)?;
    }
    Ok(())
}

fn findings(function: &Function) -> Vec<Notice> {
    lint::function(function)
        .into_iter()
        .map(|finding| {
            let code = lint::code(&finding);
            let mut text = format!("{}: {}", finding.object, finding.message);
            if let Some(corrected) = finding.corrected {
                text.push('\n');
                text.push_str(&corrected);
            }
            Notice {
                code: Some(code),
                text,
            }
        })
        .collect()
}

async fn drop_function(work: &Work<'_>, name: &TableName, if_exists: bool) -> Result<Done> {
    let Ok(function) = work.function(name) else {
        if if_exists {
            work.decide(None).await?;
            return Ok(Done::changed("no such function", None));
        }
        return Err(not_found("function"));
    };
    work.needs(
        Duty::PolicyAdmin,
        Privilege::Manage,
        &Securable::Function(function.id),
    )?;
    if work
        .state()
        .policies()
        .any(|policy| policy.function == function.id)
    {
        return Err(Error::new(
            Code::InUse,
            "a mask or row filter uses the function",
        ));
    }
    work.decide(None).await?;
    let mut changes = ddl::grants_on(work, |on| *on == Securable::Function(function.id));
    changes.push(Change::DropFunction(function.id));
    work.commit(work.kind, function.id.to_string(), BTreeMap::new(), changes)
        .await?;
    Ok(Done::changed("function dropped", None))
}

fn function<'w>(work: &'w Work<'_>, name: &TableName) -> Result<&'w Function> {
    work.function(name)
}

fn policy(
    work: &Work<'_>,
    table: &Table,
    kind: PolicyKind,
    function: &Function,
    arguments: Vec<Argument>,
    replaced: Option<&Policy>,
) -> Policy {
    Policy {
        id: replaced.map_or_else(PolicyId::random, |known| known.id),
        version: replaced.map_or(1, |known| known.version + 1),
        table: table.id,
        kind,
        function: function.id,
        arguments,
        owner: work.requester().id,
        created: work.engine.clock.now(),
    }
}

/// The mask of a column in CREATE TABLE.
pub(super) fn new_mask(
    work: &Work<'_>,
    table: &mut Table,
    column: &Name,
    mask: &FunctionUse,
) -> Result<Change> {
    work.needs_duty(Duty::PolicyAdmin)?;
    let function = function(work, &mask.function)?;
    let (id, arguments) = bind::mask(table, column, function, &FirstArg::Implied, &mask.arguments)?;
    let kind = PolicyKind::Mask { column: id };
    let bound = policy(work, table, kind, function, arguments, None);
    compiles(work, table, function, &bound)?;
    table.protected = true;
    Ok(Change::PutPolicy(bound))
}

/// The row filter in CREATE TABLE.
pub(super) fn new_row_filter(
    work: &Work<'_>,
    table: &mut Table,
    filter: &FunctionUse,
) -> Result<Change> {
    work.needs_duty(Duty::PolicyAdmin)?;
    let function = function(work, &filter.function)?;
    let arguments = bind::row_filter(table, function, &filter.arguments)?;
    let bound = policy(
        work,
        table,
        PolicyKind::RowFilter,
        function,
        arguments,
        None,
    );
    compiles(work, table, function, &bound)?;
    table.protected = true;
    Ok(Change::PutPolicy(bound))
}

fn masks_of<'w>(work: &'w Work<'_>, table: &Table, column: &Name) -> Vec<&'w Policy> {
    let id = table.column(column).map(|column| column.id);
    work.state()
        .policies_on(table.id)
        .into_iter()
        .filter(|policy| matches!(policy.kind, PolicyKind::Mask { column } if Some(column) == id))
        .collect()
}

async fn set_mask(
    work: &Work<'_>,
    name: &TableName,
    column: &Name,
    function_name: &TableName,
    first: &FirstArg,
    using: &[ArgumentSpec],
) -> Result<Done> {
    let table = work.table(name)?;
    work.needs_duty(Duty::PolicyAdmin)?;
    let function = function(work, function_name)?;
    let (id, arguments) = bind::mask(table, column, function, first, using)?;
    // SET replaces: one atomic step, never a moment without a mask.
    let known = masks_of(work, table, column);
    let kind = PolicyKind::Mask { column: id };
    let bound = policy(
        work,
        table,
        kind,
        function,
        arguments,
        known.first().copied(),
    );
    compiles(work, table, function, &bound)?;
    work.decide(Some(table)).await?;
    let mut changes: Vec<Change> = known
        .iter()
        .skip(1)
        .map(|old| Change::DropPolicy(old.id))
        .collect();
    changes.push(Change::PutPolicy(bound.clone()));
    let detail = bound_detail(&bound, function);
    work.commit(work.kind, table.id.to_string(), detail, changes)
        .await?;
    Ok(Done::changed("mask set", None).with_notices(findings(function)))
}

fn bound_detail(policy: &Policy, function: &Function) -> BTreeMap<String, String> {
    let mut detail = BTreeMap::from([
        (
            "policy".to_owned(),
            format!("{}@{}", policy.id, policy.version),
        ),
        (
            "function".to_owned(),
            format!("{}@{}", function.id, function.version),
        ),
        ("body_sha256".to_owned(), function.hash.clone()),
    ]);
    if let PolicyKind::Mask { column } = policy.kind {
        detail.insert("column".to_owned(), column.to_string());
    }
    detail
}

fn dropped_detail(dropped: &[&Policy]) -> BTreeMap<String, String> {
    let named: Vec<String> = dropped
        .iter()
        .map(|policy| format!("{}@{}", policy.id, policy.version))
        .collect();
    BTreeMap::from([("dropped".to_owned(), named.join(","))])
}

async fn drop_mask(work: &Work<'_>, name: &TableName, column: &Name) -> Result<Done> {
    let table = work.table(name)?;
    work.needs_duty(Duty::PolicyAdmin)?;
    let known = masks_of(work, table, column);
    if known.is_empty() {
        return Err(not_found("mask"));
    }
    work.decide(Some(table)).await?;
    let changes = known.iter().map(|old| Change::DropPolicy(old.id)).collect();
    work.commit(
        work.kind,
        table.id.to_string(),
        dropped_detail(&known),
        changes,
    )
    .await?;
    Ok(Done::changed("mask dropped", None))
}

fn filters_of<'w>(work: &'w Work<'_>, table: &Table) -> Vec<&'w Policy> {
    work.state()
        .policies_on(table.id)
        .into_iter()
        .filter(|policy| matches!(policy.kind, PolicyKind::RowFilter))
        .collect()
}

async fn set_row_filter(
    work: &Work<'_>,
    name: &TableName,
    function_name: &TableName,
    on: &[ArgumentSpec],
) -> Result<Done> {
    let table = work.table(name)?;
    work.needs_duty(Duty::PolicyAdmin)?;
    let function = function(work, function_name)?;
    let arguments = bind::row_filter(table, function, on)?;
    let known = filters_of(work, table);
    let bound = policy(
        work,
        table,
        PolicyKind::RowFilter,
        function,
        arguments,
        known.first().copied(),
    );
    compiles(work, table, function, &bound)?;
    work.decide(Some(table)).await?;
    let mut changes: Vec<Change> = known
        .iter()
        .skip(1)
        .map(|old| Change::DropPolicy(old.id))
        .collect();
    changes.push(Change::PutPolicy(bound.clone()));
    let detail = bound_detail(&bound, function);
    work.commit(work.kind, table.id.to_string(), detail, changes)
        .await?;
    Ok(Done::changed("row filter set", None).with_notices(findings(function)))
}

async fn drop_row_filter(work: &Work<'_>, name: &TableName) -> Result<Done> {
    let table = work.table(name)?;
    work.needs_duty(Duty::PolicyAdmin)?;
    let known = filters_of(work, table);
    if known.is_empty() {
        return Err(not_found("row filter"));
    }
    work.decide(Some(table)).await?;
    let changes = known.iter().map(|old| Change::DropPolicy(old.id)).collect();
    work.commit(
        work.kind,
        table.id.to_string(),
        dropped_detail(&known),
        changes,
    )
    .await?;
    Ok(Done::changed("row filter dropped", None))
}

/// Tags tighten or stay: a value that is replaced by another needs a policy administrator.
async fn set_tags(work: &Work<'_>, target: &TagTarget, tags: &Tags) -> Result<Done> {
    let on = match target {
        TagTarget::Catalog => Securable::Catalog,
        TagTarget::Schema(name) => Securable::Schema(work.schema(name)?),
        TagTarget::Table(name) | TagTarget::Column(name, _) => {
            Securable::Table(work.table(name)?.id)
        }
    };
    work.needs(Duty::PolicyAdmin, Privilege::Manage, &on)?;
    ddl::may_classify(work, tags.get("classification"))?;
    let known = match target {
        TagTarget::Catalog => work.state().catalog_tags().clone(),
        TagTarget::Schema(name) => work
            .state()
            .schema_by_name(name)
            .map(|schema| schema.tags.clone())
            .unwrap_or_default(),
        TagTarget::Table(name) => work.table(name)?.tags.clone(),
        TagTarget::Column(name, column) => work
            .table(name)?
            .column(column)
            .map(|column| column.tags.clone())
            .unwrap_or_default(),
    };
    let replaces = tags.iter().any(|(key, value)| {
        key != "classification" && known.get(key).is_some_and(|old| old != value)
    });
    if replaces {
        ddl::may_loosen(work)?;
    }
    ddl::may_tag(work, tags.keys().filter(|key| !known.contains_key(*key)))?;
    let named: Vec<&str> = tags.keys().map(String::as_str).collect();
    retag(work, target, &named.join(","), |known| {
        known.extend(tags.clone());
    })
    .await
}

async fn retag(
    work: &Work<'_>,
    target: &TagTarget,
    keys: &str,
    mut change: impl FnMut(&mut Tags),
) -> Result<Done> {
    let state = work.state();
    let (object, changes) = match target {
        TagTarget::Catalog => {
            let mut tags = state.catalog_tags().clone();
            change(&mut tags);
            ("catalog".to_owned(), vec![Change::SetCatalogTags(tags)])
        }
        TagTarget::Schema(name) => {
            let mut schema = state
                .schema_by_name(name)
                .cloned()
                .ok_or_else(|| not_found("schema"))?;
            change(&mut schema.tags);
            (schema.id.to_string(), vec![Change::PutSchema(schema)])
        }
        TagTarget::Table(name) => {
            let mut table = work.table(name)?.clone();
            change(&mut table.tags);
            (table.id.to_string(), vec![Change::PutTable(table)])
        }
        TagTarget::Column(name, column) => {
            let mut table = work.table(name)?.clone();
            let Some(found) = table.columns.iter_mut().find(|found| found.name == *column) else {
                return Err(Error::new(
                    Code::PlanError,
                    "a column of the statement does not exist",
                ));
            };
            change(&mut found.tags);
            (table.id.to_string(), vec![Change::PutTable(table)])
        }
    };
    // Writers wait: a file that is planned under one key class must not be published under another.
    let affected: BTreeSet<TableId> = match (target, changes.first()) {
        (TagTarget::Catalog, _) => state.tables().map(|table| table.id).collect(),
        (_, Some(Change::PutSchema(schema))) => {
            state.tables_in(schema.id).map(|table| table.id).collect()
        }
        (_, Some(Change::PutTable(table))) => [table.id].into(),
        _ => BTreeSet::new(),
    };
    let mut held = Vec::with_capacity(affected.len());
    for table in affected {
        held.push(work.engine.lake.lock(table).await);
    }
    let mut ready = Vec::with_capacity(changes.len());
    for change in changes {
        ready.push(match change {
            Change::PutTable(mut table) => {
                ddl::check_partitions(&table)?;
                ddl::make_keys(work, &mut table).await?;
                Change::PutTable(table)
            }
            Change::PutSchema(schema) => {
                for table in state.tables().filter(|table| table.schema == schema.id) {
                    let mut tagged = table.clone();
                    tagged.inherited_tags = state.catalog_tags().clone();
                    tagged.inherited_tags.extend(schema.tags.clone());
                    ddl::check_partitions(&tagged)?;
                }
                Change::PutSchema(schema)
            }
            Change::SetCatalogTags(tags) => {
                for table in state.tables() {
                    let mut tagged = table.clone();
                    for (key, value) in &tags {
                        tagged
                            .inherited_tags
                            .entry(key.clone())
                            .or_insert_with(|| value.clone());
                    }
                    ddl::check_partitions(&tagged)?;
                }
                Change::SetCatalogTags(tags)
            }
            other => other,
        });
    }
    work.decide(None).await?;
    let mut detail = BTreeMap::from([("tags".to_owned(), keys.to_owned())]);
    if let TagTarget::Column(name, column) = target {
        let id = work.table(name)?.column(column).map(|column| column.id);
        detail.extend(id.map(|id| ("column".to_owned(), id.to_string())));
    }
    work.commit(work.kind, object, detail, ready).await?;
    Ok(Done::changed("tags changed", None))
}

async fn show_policies(work: &Work<'_>, on: Option<&TableName>) -> Result<Done> {
    let state = work.state();
    let bodies = work.requester().has(Duty::PolicyAdmin);
    let tables: Vec<&Table> = match on {
        Some(name) => vec![work.table(name)?],
        None => state
            .tables()
            .filter(|table| bodies || work.resolver.sees(table.id))
            .collect(),
    };
    let mut rows = Vec::new();
    for table in tables {
        for policy in state.policies_on(table.id) {
            let (kind, column) = match policy.kind {
                PolicyKind::Mask { column } => (
                    "mask",
                    table
                        .column_by_id(column)
                        .map(|column| column.name.to_string()),
                ),
                PolicyKind::RowFilter => ("row filter", None),
            };
            let function = state.function(policy.function);
            rows.push(vec![
                Some(table.name.to_string()),
                column,
                Some(kind.to_owned()),
                Some(format!("{}@{}", policy.id, policy.version)),
                function
                    .filter(|_| bodies)
                    .map(|function| function.name.to_string()),
                function
                    .filter(|_| bodies)
                    .map(|function| function.body.clone()),
            ]);
        }
    }
    work.decide(None).await?;
    Ok(Done::rows(text_batch(
        &["table", "column", "kind", "policy", "function", "body"],
        rows,
    )?))
}

async fn show_functions(work: &Work<'_>) -> Result<Done> {
    work.needs_duty(Duty::PolicyAdmin)?;
    let rows = work
        .state()
        .functions()
        .map(|function| {
            vec![
                Some(function.name.to_string()),
                Some(function.version.to_string()),
                Some(signature(function)),
                function.comment.clone(),
            ]
        })
        .collect();
    work.decide(None).await?;
    Ok(Done::rows(text_batch(
        &["function", "version", "signature", "comment"],
        rows,
    )?))
}

fn signature(function: &Function) -> String {
    let parameters: Vec<String> = function
        .parameters
        .iter()
        .map(|(name, data_type)| format!("{name} {data_type}"))
        .collect();
    let returns = function
        .returns
        .as_ref()
        .map_or_else(String::new, |returns| format!(" RETURNS {returns}"));
    format!("({}){returns}", parameters.join(", "))
}

async fn describe_function(work: &Work<'_>, name: &TableName) -> Result<Done> {
    work.needs_duty(Duty::PolicyAdmin)?;
    let function = function(work, name)?;
    let rows = vec![
        vec![Some("function".into()), Some(function.name.to_string())],
        vec![Some("signature".into()), Some(signature(function))],
        vec![Some("version".into()), Some(function.version.to_string())],
        vec![Some("sha256".into()), Some(function.hash.clone())],
        vec![Some("body".into()), Some(function.body.clone())],
    ];
    work.decide(None).await?;
    Ok(Done::rows(text_batch(&["property", "value"], rows)?))
}
