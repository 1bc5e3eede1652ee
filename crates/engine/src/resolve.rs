//! Names, tables and rulings, all at one catalog epoch.
//!
//! The tables of a statement are the only tables its session knows. A table that the requester
//! may not see is missing here exactly as one that does not exist.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use datafusion::{
    catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider},
    common::Result as PlanResult,
    execution::SessionState,
    logical_expr::TableType,
};
use lakeward_catalog::State;
use lakeward_domain::{Because, Code, Name, PolicyId, Requester, Table, TableId, TableName, names};
use lakeward_lake::{KeyAccess, LakeStore, arrow_schema};
use lakeward_policy::{Action, Error as PolicyError, TableRuling, decide};

use crate::{
    error::{Error, Result, not_found},
    governed::{GovernedTable, shown_schema},
    lower::lower,
};

/// One statement's view of the catalog.
pub(crate) struct Resolver {
    pub(crate) state: Arc<State>,
    pub(crate) requester: Requester,
    lake: Arc<LakeStore>,
    pinned: Arc<SessionState>,
    tables: Mutex<BTreeMap<TableId, Arc<GovernedTable>>>,
    keys: Arc<Mutex<Vec<Arc<KeyAccess>>>>,
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("epoch", &self.state.epoch)
            .finish_non_exhaustive()
    }
}

impl Resolver {
    pub(crate) fn new(
        state: Arc<State>,
        requester: Requester,
        lake: Arc<LakeStore>,
        pinned: Arc<SessionState>,
    ) -> Arc<Self> {
        Arc::new(Self {
            state,
            requester,
            lake,
            pinned,
            tables: Mutex::default(),
            keys: Arc::default(),
        })
    }

    /// The table of this name under its ruling, decided once per statement.
    pub(crate) fn table(&self, name: &TableName) -> Result<Arc<GovernedTable>> {
        let table = self
            .state
            .table_by_name(name)
            .ok_or_else(|| not_found("table"))?;
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tables.get(&table.id) {
            return Ok(Arc::clone(known));
        }
        let governed = Arc::new(self.govern(table, Action::Select)?);
        tables.insert(table.id, Arc::clone(&governed));
        Ok(governed)
    }

    /// The table of this name as the target of a write: its ruling tells which new rows pass.
    pub(crate) fn target(&self, name: &TableName) -> Result<GovernedTable> {
        let table = self
            .state
            .table_by_name(name)
            .ok_or_else(|| not_found("table"))?;
        self.govern(table, Action::Modify)
    }

    fn govern(&self, table: &Table, action: Action) -> Result<GovernedTable> {
        let ruling =
            decide(self.state.as_ref(), &self.requester, table.id, action).map_err(|error| {
                match error {
                    PolicyError::NotFound(_) => not_found("table"),
                    other => Error::from(other),
                }
            })?;
        let stored = arrow_schema(table);
        let lowered = lower(&ruling, table, &stored, &self.pinned)?;
        Ok(GovernedTable {
            shown: shown_schema(table, &stored, &lowered),
            label: label(&ruling),
            table: Arc::new(table.clone()),
            ruling: Arc::new(ruling),
            lowered: Arc::new(lowered),
            stored,
            lake: Arc::clone(&self.lake),
            pinned: Arc::clone(&self.pinned),
            asked: Arc::default(),
            keys: Arc::clone(&self.keys),
        })
    }

    /// Every table that was resolved so far.
    pub(crate) fn resolved(&self) -> Vec<Arc<GovernedTable>> {
        self.tables
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    /// An error of the store when a table that the statement reads or writes was dropped under it: a
    /// conflict, and no broken disk.
    pub(crate) fn or_dropped(
        &self,
        now: &State,
        target: Option<&TableName>,
        error: Error,
    ) -> Error {
        let of_store = matches!(
            error.code(),
            Code::StorageFailed | Code::LogRolledBack | Code::DataTampered | Code::Internal
        );
        let target = target.and_then(|name| self.state.table_by_name(name));
        let mut used: Vec<TableId> = target.iter().map(|table| table.id).collect();
        used.extend(self.resolved().iter().map(|governed| governed.table.id));
        if of_store && used.iter().any(|id| now.table(*id).is_none()) {
            return Error::new(
                Code::Conflict,
                "a table of the statement was dropped meanwhile",
            );
        }
        error
    }

    /// The keys that the statement may use.
    pub(crate) fn keys(&self) -> Vec<Arc<KeyAccess>> {
        self.keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether the requester may know that a table exists.
    pub(crate) fn sees(&self, table: TableId) -> bool {
        decide(
            self.state.as_ref(),
            &self.requester,
            table,
            Action::Metadata,
        )
        .is_ok()
    }

    fn visible_schemas(&self) -> BTreeSet<Name> {
        let mut schemas: BTreeSet<Name> = self
            .state
            .tables()
            .filter(|table| self.sees(table.id))
            .map(|table| table.name.schema.clone())
            .collect();
        schemas.extend(
            self.state
                .schemas()
                .filter(|schema| {
                    lakeward_policy::allows(
                        self.state.as_ref(),
                        &self.requester,
                        lakeward_policy::Privilege::Usage,
                        &lakeward_policy::Securable::Schema(schema.id),
                    )
                })
                .map(|schema| schema.name.clone()),
        );
        schemas
    }

    /// Schemas that the requester may know of, in order.
    pub(crate) fn schemas(&self) -> Vec<Name> {
        self.visible_schemas().into_iter().collect()
    }

    /// Tables of a schema that the requester may know of, in order.
    pub(crate) fn tables_in(&self, schema: &Name) -> Vec<TableName> {
        let mut tables: Vec<TableName> = self
            .state
            .tables()
            .filter(|table| table.name.schema == *schema && self.sees(table.id))
            .map(|table| table.name.clone())
            .collect();
        tables.sort();
        tables
    }
}

/// Policy ids and versions, as EXPLAIN shows them.
fn label(ruling: &TableRuling) -> String {
    let mut policies: BTreeMap<PolicyId, u64> = BTreeMap::new();
    let mut hides = false;
    let masks = ruling.columns.values().map(|column| &column.because);
    let filters = ruling.row_filter.iter().flat_map(|filter| &filter.because);
    for Because {
        policy, version, ..
    } in masks.chain(filters)
    {
        if let (Some(policy), Some(version)) = (policy, version) {
            policies.insert(*policy, *version);
        }
    }
    for column in ruling.columns.values() {
        hides |= column.access == lakeward_domain::ColumnAccess::Hidden;
    }
    let mut parts: Vec<String> = policies
        .iter()
        .map(|(policy, version)| format!("{policy}@{version}"))
        .collect();
    if hides {
        parts.push("hidden by default".into());
    }
    parts.join(", ")
}

/// The one catalog of a statement's session.
#[derive(Debug)]
pub(crate) struct GovernedCatalogs(pub(crate) Arc<Resolver>);

#[derive(Debug)]
struct GovernedCatalog(Arc<Resolver>);

#[derive(Debug)]
struct GovernedSchema {
    resolver: Arc<Resolver>,
    name: Name,
}

impl CatalogProviderList for GovernedCatalogs {
    fn register_catalog(
        &self,
        _: String,
        _: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![names::CATALOG.into()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == names::CATALOG).then(|| Arc::new(GovernedCatalog(Arc::clone(&self.0))) as _)
    }
}

impl CatalogProvider for GovernedCatalog {
    fn schema_names(&self) -> Vec<String> {
        self.0.schemas().iter().map(ToString::to_string).collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let name = Name::parse(name).ok()?;
        Some(Arc::new(GovernedSchema {
            resolver: Arc::clone(&self.0),
            name,
        }))
    }
}

#[async_trait]
impl SchemaProvider for GovernedSchema {
    fn table_names(&self) -> Vec<String> {
        self.resolver
            .tables_in(&self.name)
            .iter()
            .filter(|name| self.resolver.table(name).is_ok())
            .map(|name| name.table.to_string())
            .collect()
    }

    async fn table_type(&self, name: &str) -> PlanResult<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::Base))
    }

    async fn table(&self, name: &str) -> PlanResult<Option<Arc<dyn TableProvider>>> {
        let Ok(table) = Name::parse(name) else {
            return Ok(None);
        };
        let name = TableName {
            schema: self.name.clone(),
            table,
        };
        match self.resolver.table(&name) {
            Ok(table) => Ok(Some(Arc::new(table.as_ref().clone()))),
            Err(error) if error.code() == Code::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        Name::parse(name).is_ok_and(|table| {
            let name = TableName {
                schema: self.name.clone(),
                table,
            };
            self.resolver
                .state
                .table_by_name(&name)
                .is_some_and(|t| self.resolver.sees(t.id))
        })
    }
}
