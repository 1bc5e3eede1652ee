//! A lake in a temporary folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arrow::{
    array::{ArrayRef, RecordBatch},
    datatypes::SchemaRef,
    util::pretty::pretty_format_batches,
};
use datafusion::{
    physical_plan::{ExecutionPlan, collect},
    prelude::{SessionConfig, SessionContext},
};
use lakeward_domain::{
    Class, Column, ColumnId, Hidden, LakeId, LogicalType, Name, PrincipalId, Published, QueryId,
    SchemaId, SystemClock, Table, TableId, TableName, Timestamp,
};
use lakeward_keys::{KekRecord, KeyScope, Keyring, LakeKeyRecord, LakeKeys, LocalKms};
use lakeward_lake::{
    CommitNote, KeyAccess, LakeStore, NewFile, Options, Result, ScanRequest, TableChange,
    TableSnapshot,
};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use url::Url;

/// What a catalog would keep.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) lake: LakeId,
    pub(crate) record: LakeKeyRecord,
    pub(crate) keks: Vec<KekRecord>,
    pub(crate) table: Option<Table>,
}

pub(crate) struct House {
    pub(crate) dir: Arc<TempDir>,
    pub(crate) kms: Arc<LocalKms>,
    pub(crate) keys: Arc<LakeKeys>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) store: LakeStore,
    pub(crate) kept: Kept,
}

pub(crate) fn small() -> Options {
    Options {
        row_group_rows: 1_000,
        ..Options::default()
    }
}

pub(crate) fn note() -> CommitNote<'static> {
    CommitNote {
        operation: "insert",
        query: QueryId::random(),
    }
}

fn passphrase() -> Hidden<String> {
    Hidden::new(String::from("correct horse battery staple"))
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(small()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let dir = TempDir::new().unwrap();
        std::fs::create_dir(dir.path().join("lake")).unwrap();
        let kms = LocalKms::create(&dir.path().join("keystore"), &passphrase()).unwrap();
        let lake = LakeId::random();
        let (_, record) = LakeKeys::create(&kms, lake).await.unwrap();
        let kept = Kept {
            lake,
            record,
            keks: Vec::new(),
            table: None,
        };
        Self::open(Arc::new(dir), Arc::new(kms), kept, options).await
    }

    /// The same lake with empty caches, as another process would open it.
    pub(crate) async fn reopened(&self) -> Self {
        let (dir, kms) = (Arc::clone(&self.dir), Arc::clone(&self.kms));
        Self::open(dir, kms, self.kept.clone(), small()).await
    }

    pub(crate) async fn open(
        dir: Arc<TempDir>,
        kms: Arc<LocalKms>,
        kept: Kept,
        options: Options,
    ) -> Self {
        let lake = kept.lake;
        let keys = LakeKeys::open(kms.as_ref(), &kept.record, lake)
            .await
            .unwrap();
        let keys = Arc::new(keys);
        let clock = Arc::new(SystemClock);
        let ttl = Duration::from_secs(600);
        let keyring = Arc::new(Keyring::new(lake, Arc::clone(&kms) as _, clock, ttl));
        keyring.load(kept.keks.clone());
        let url = Url::from_directory_path(dir.path().join("lake")).unwrap();
        let (ring, lake_keys) = (Arc::clone(&keyring), Arc::clone(&keys));
        let store = LakeStore::open(&url, lake, ring, lake_keys, options).unwrap();
        Self {
            dir,
            kms,
            keys,
            keyring,
            store,
            kept,
        }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("lake")
    }

    /// A table of columns `(name, type, nullable, class)`, made and published.
    pub(crate) async fn table(
        &mut self,
        columns: &[(&str, LogicalType, bool, Class)],
        partitioned_by: &[&str],
    ) -> Table {
        let mut table = self.defined(columns, partitioned_by).await;
        table.published = self.store.create_table(&table, note()).await.unwrap();
        self.kept.table = Some(table.clone());
        table
    }

    pub(crate) async fn defined(
        &mut self,
        columns: &[(&str, LogicalType, bool, Class)],
        partitioned_by: &[&str],
    ) -> Table {
        let columns: Vec<Column> = columns
            .iter()
            .map(|(name, data_type, nullable, class)| Column {
                id: ColumnId::random(),
                name: Name::parse(name).unwrap(),
                data_type: data_type.clone(),
                nullable: *nullable,
                comment: None,
                tags: match class {
                    Class::Open => BTreeMap::new(),
                    Class::Sensitive => BTreeMap::from([("sensitivity".into(), "high".into())]),
                    Class::Phi => BTreeMap::from([("phi".into(), "name".into())]),
                },
            })
            .collect();
        let id = TableId::random();
        let mut keys = BTreeMap::new();
        for class in [Class::Open, Class::Sensitive, Class::Phi] {
            let scope = KeyScope { table: id, class };
            let record = self.keyring.create_kek(scope, None).await.unwrap();
            keys.insert(class, (record.id, record.version));
            self.kept.keks.push(record.clone());
            self.keyring.load([record]);
        }
        let by_name = |name: &&str| {
            let found = columns.iter().find(|column| column.name.as_str() == *name);
            found.unwrap().id
        };
        Table {
            id,
            schema: SchemaId::random(),
            name: "bronze.patients".parse::<TableName>().unwrap(),
            partitioned_by: partitioned_by.iter().map(by_name).collect(),
            columns: columns.clone(),
            comment: None,
            tags: BTreeMap::new(),
            inherited_tags: BTreeMap::new(),
            properties: BTreeMap::new(),
            owner: PrincipalId::random(),
            created: Timestamp(0),
            keys,
            published: Published {
                version: 0,
                head: String::new(),
            },
            protected: false,
        }
    }

    pub(crate) async fn files(&self, table: &Table, batches: &[RecordBatch]) -> Vec<NewFile> {
        let mut writer = self.store.writer(table, None).unwrap();
        for batch in batches {
            writer.write(batch.clone()).await.unwrap();
        }
        writer.finish().await.unwrap()
    }

    /// Writes, commits and publishes.
    pub(crate) async fn append(&mut self, table: &mut Table, batches: &[RecordBatch]) {
        let files = self.files(table, batches).await;
        table.published = self
            .store
            .commit(table, TableChange::Append(files), note())
            .await
            .unwrap();
        self.kept.table = Some(table.clone());
    }

    pub(crate) async fn read(&self, table: &Table) -> Result<Vec<RecordBatch>> {
        let snapshot = self.store.snapshot(table).await?;
        let plan = self.store.scan(&snapshot, all(&snapshot))?;
        Ok(self.run(plan).await.unwrap())
    }

    pub(crate) fn context(&self) -> SessionContext {
        let context = SessionContext::new_with_config(SessionConfig::new());
        self.store.register(&context.runtime_env());
        context
    }

    pub(crate) async fn run(
        &self,
        plan: Arc<dyn ExecutionPlan>,
    ) -> datafusion::error::Result<Vec<RecordBatch>> {
        collect(plan, self.context().task_ctx()).await
    }

    /// Rows as sorted lines, so that two tables can be compared.
    pub(crate) async fn lines(&self, table: &Table) -> Vec<String> {
        lines(&self.read(table).await.unwrap())
    }
}

pub(crate) fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let text = pretty_format_batches(batches).unwrap().to_string();
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(1)
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

pub(crate) fn ids(table: &Table, names: &[&str]) -> BTreeSet<ColumnId> {
    names.iter().map(|name| id(table, name)).collect()
}

pub(crate) fn id(table: &Table, name: &str) -> ColumnId {
    let name = Name::parse(name).unwrap();
    table.column(&name).unwrap().id
}

pub(crate) fn access(table: &Table, names: &[&str]) -> Arc<KeyAccess> {
    Arc::new(KeyAccess::new(ids(table, names)))
}

pub(crate) fn every(table: &Table) -> Arc<KeyAccess> {
    let ids = table.columns.iter().map(|column| column.id).collect();
    Arc::new(KeyAccess::new(ids))
}

pub(crate) fn all(snapshot: &TableSnapshot) -> ScanRequest {
    ScanRequest {
        access: every(snapshot.table()),
        projection: None,
        predicate: None,
        limit: None,
        target_partitions: 2,
    }
}

pub(crate) fn batch(table: &Table, columns: Vec<ArrayRef>) -> RecordBatch {
    let schema: SchemaRef = lakeward_lake::arrow_schema(table);
    let fields = schema.fields().iter().zip(columns);
    RecordBatch::try_from_iter_with_nullable(
        fields.map(|(field, array)| (field.name().clone(), array, true)),
    )
    .unwrap()
}

/// All files below a folder.
pub(crate) fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
