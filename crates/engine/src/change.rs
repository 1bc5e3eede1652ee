//! What a statement changes.
//!
//! A change comes here after its name is resolved against one epoch. Each apply works on that epoch
//! and is refused with `CONFLICT` when the epoch moved under it in a way that matters; the caller
//! then plans anew.

pub(crate) mod ddl;
pub(crate) mod dml;
pub(crate) mod grants;
pub(crate) mod policies;
pub(crate) mod taint;

use std::{collections::BTreeMap, sync::Arc};

use datafusion::arrow::record_batch::RecordBatch;
use lakeward_catalog::{Change, State};
use lakeward_domain::{Code, Duty, Name, Requester, SchemaId, Table, TableName};
use lakeward_policy::{Function, Privilege, Securable, allows};

use crate::{
    answer::{Notice, Outcome, decided},
    engine::Engine,
    error::{Error, Result, denied, not_found},
    parse::Statement,
    receipt::Receipt,
    resolve::Resolver,
    session::Options,
};

/// What a change has at hand.
pub(crate) struct Work<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) resolver: &'a Arc<Resolver>,
    pub(crate) receipt: &'a Receipt,
    pub(crate) sql: &'a str,
    pub(crate) kind: &'static str,
    pub(crate) options: &'a Options,
}

/// What a change did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) rows: Option<RecordBatch>,
    pub(crate) outcome: Outcome,
    pub(crate) notices: Vec<Notice>,
    pub(crate) keys: Vec<String>,
}

impl Done {
    pub(crate) fn rows(batch: RecordBatch) -> Self {
        Self {
            rows: Some(batch),
            outcome: Outcome::Rows,
            notices: Vec::new(),
            keys: Vec::new(),
        }
    }

    pub(crate) fn changed(message: impl Into<String>, rows: Option<u64>) -> Self {
        Self {
            rows: None,
            outcome: Outcome::Changed {
                rows,
                message: message.into(),
            },
            notices: Vec::new(),
            keys: Vec::new(),
        }
    }

    pub(crate) fn with_notices(mut self, notices: Vec<Notice>) -> Self {
        self.notices = notices;
        self
    }

    pub(crate) fn with_keys(mut self, keys: Vec<String>) -> Self {
        self.keys = keys;
        self
    }
}

impl Work<'_> {
    pub(crate) fn state(&self) -> &State {
        &self.resolver.state
    }

    pub(crate) fn requester(&self) -> &Requester {
        &self.resolver.requester
    }

    /// Puts the decision on record; nothing changes before this is durable.
    pub(crate) async fn decide(&self, target: Option<&Table>) -> Result<()> {
        self.receipt
            .write(decided(self.resolver, self.sql, self.kind, &[], target))
            .await
    }

    /// Commits to the catalog and puts the change on record.
    pub(crate) async fn commit(
        &self,
        what: &str,
        object: String,
        detail: BTreeMap<String, String>,
        changes: Vec<Change>,
    ) -> Result<Arc<State>> {
        self.receipt.changed(what, object, detail).await?;
        let done = self.engine.commit(self.state().epoch, changes).await;
        done.map_err(|error| self.lost(error))
    }

    /// A name that was free, or taken, when the statement was planned and is not when it commits: a
    /// conflict. Planned anew, the statement says what there is to say about it.
    pub(crate) fn lost(&self, error: Error) -> Error {
        let raced = matches!(error.code(), Code::AlreadyExists | Code::NotFound)
            && self.engine.state().epoch != self.state().epoch;
        if raced {
            Error::new(Code::Conflict, "the catalog changed meanwhile")
        } else {
            error
        }
    }

    pub(crate) fn allows(&self, privilege: Privilege, on: &Securable) -> bool {
        allows(self.state(), self.requester(), privilege, on)
    }

    /// A duty, or the privilege instead.
    pub(crate) fn needs(&self, duty: Duty, privilege: Privilege, on: &Securable) -> Result<()> {
        if self.requester().has(duty) || self.allows(privilege, on) {
            return Ok(());
        }
        Err(denied(&format!("the duty {duty} or the right {privilege}")))
    }

    pub(crate) fn needs_duty(&self, duty: Duty) -> Result<()> {
        if self.requester().has(duty) {
            Ok(())
        } else {
            Err(denied(&format!("the duty {duty}")))
        }
    }

    /// A table that the requester may know of. Administrators of systems and policies know of all
    /// tables: they see names, and no data by that.
    pub(crate) fn table(&self, name: &TableName) -> Result<&Table> {
        let table = self
            .state()
            .table_by_name(name)
            .ok_or_else(|| not_found("table"))?;
        let administers =
            self.requester().has(Duty::SystemAdmin) || self.requester().has(Duty::PolicyAdmin);
        if administers || self.resolver.sees(table.id) {
            Ok(table)
        } else {
            Err(not_found("table"))
        }
    }

    /// A function that the requester may know of: names of policies are no more public than tables'.
    pub(crate) fn function(&self, name: &TableName) -> Result<&Function> {
        let function = self
            .state()
            .function_by_name(name)
            .ok_or_else(|| not_found("function"))?;
        let on = Securable::Function(function.id);
        if self.requester().has(Duty::PolicyAdmin) || self.allows(Privilege::Execute, &on) {
            Ok(function)
        } else {
            Err(not_found("function"))
        }
    }

    pub(crate) fn schema(&self, name: &Name) -> Result<SchemaId> {
        let administers =
            self.requester().has(Duty::SystemAdmin) || self.requester().has(Duty::PolicyAdmin);
        if !administers && !self.resolver.schemas().contains(name) {
            return Err(not_found("schema"));
        }
        self.state()
            .schema_by_name(name)
            .map(|schema| schema.id)
            .ok_or_else(|| not_found("schema"))
    }
}

/// Does it.
pub(crate) async fn apply(work: &Work<'_>, statement: Statement) -> Result<Done> {
    match statement {
        Statement::CreateSchema {
            name,
            if_not_exists,
            comment,
            tags,
        } => ddl::create_schema(work, name, if_not_exists, comment, tags).await,
        Statement::DropSchema { name, if_exists } => ddl::drop_schema(work, name, if_exists).await,
        Statement::CreateTable(create) => {
            Box::pin(ddl::create_table_statement(work, *create)).await
        }
        Statement::DropTable { name, if_exists } => ddl::drop_table(work, name, if_exists).await,
        Statement::Comment { on, comment } => ddl::comment(work, on, comment).await,
        Statement::Insert(insert) => dml::insert(work, insert).await,
        Statement::Policy(statement) => policies::apply(work, *statement).await,
        Statement::Query(_)
        | Statement::Explain { .. }
        | Statement::ExplainPolicy(_)
        | Statement::ShowSchemas
        | Statement::ShowTables { .. }
        | Statement::Describe { .. }
        | Statement::SetOption { .. } => Err(crate::error::not_allowed("this change")),
    }
}
