//! A small lake to test on: ids and times are fixed where a test names them.

use std::{collections::BTreeMap, path::PathBuf};

use lakeward_domain::{
    Class, Column, ColumnId, FunctionId, GrantId, KeyId, LakeId, LogicalType, Name, PolicyId,
    Principal, PrincipalId, Published, RequesterKind, Schema, SchemaId, Table, TableId, TableName,
    Tags, Timestamp,
};
use lakeward_keys::{KekRecord, KeyScope, KeyState, LakeKeys, Recipient, Secret};
use lakeward_policy::{
    Argument, Function, Grant, Grantee, Policy, PolicyKind, Privilege, Securable,
};

use crate::{Catalog, Change, Result};

pub(crate) const LAKE: LakeId = LakeId::from_bytes([0xaa; 16]);
pub(crate) const SCHEMA: SchemaId = SchemaId::from_bytes([1; 16]);
pub(crate) const TABLE: TableId = TableId::from_bytes([2; 16]);
pub(crate) const OTHER_TABLE: TableId = TableId::from_bytes([3; 16]);
pub(crate) const SSN: ColumnId = ColumnId::from_bytes([4; 16]);
pub(crate) const CITY: ColumnId = ColumnId::from_bytes([5; 16]);
pub(crate) const FUNCTION: FunctionId = FunctionId::from_bytes([6; 16]);
pub(crate) const POLICY: PolicyId = PolicyId::from_bytes([7; 16]);
pub(crate) const ANNA: PrincipalId = PrincipalId::from_bytes([8; 16]);
pub(crate) const BILLING: PrincipalId = PrincipalId::from_bytes([9; 16]);
pub(crate) const GRANT: GrantId = GrantId::from_bytes([10; 16]);
pub(crate) const KEY: KeyId = KeyId::from_bytes([11; 16]);

pub(crate) fn keys() -> LakeKeys {
    keys_of(7)
}

pub(crate) fn keys_of(byte: u8) -> LakeKeys {
    LakeKeys::from_root(LAKE, Secret::from_slice(&[byte; 32]).unwrap()).unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(crate) fn table_name(text: &str) -> TableName {
    text.parse().unwrap()
}

pub(crate) fn tags(pairs: &[(&str, &str)]) -> Tags {
    let owned = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into()));
    owned.collect()
}

pub(crate) fn schema() -> Schema {
    Schema {
        id: SCHEMA,
        name: name("silver"),
        comment: None,
        tags: tags(&[("layer", "silver")]),
        owner: ANNA,
        created: Timestamp(1),
    }
}

pub(crate) fn column(id: ColumnId, text: &str) -> Column {
    Column {
        id,
        name: name(text),
        data_type: LogicalType::String,
        nullable: true,
        comment: None,
        tags: Tags::new(),
    }
}

pub(crate) fn table() -> Table {
    Table {
        id: TABLE,
        schema: SCHEMA,
        name: table_name("silver.patients"),
        columns: vec![column(SSN, "ssn"), column(CITY, "city")],
        partitioned_by: vec![],
        comment: Some("people of the Quillfeather ward".into()),
        tags: Tags::new(),
        inherited_tags: Tags::new(),
        properties: BTreeMap::new(),
        owner: ANNA,
        created: Timestamp(2),
        keys: BTreeMap::from([(Class::Phi, (KEY, 1))]),
        published: published(0),
        protected: false,
    }
}

pub(crate) fn other_table() -> Table {
    Table {
        id: OTHER_TABLE,
        name: table_name("silver.claims"),
        ..table()
    }
}

pub(crate) fn published(version: u64) -> Published {
    Published {
        version,
        head: format!("{version:064x}"),
    }
}

pub(crate) fn function() -> Function {
    Function {
        id: FUNCTION,
        name: table_name("silver.redact_ssn"),
        schema: SCHEMA,
        parameters: vec![(name("ssn"), LogicalType::String)],
        returns: Some(LogicalType::String),
        body: "CASE WHEN is_member('billing') THEN ssn ELSE 'Zephyrine-literal' END".into(),
        owner: ANNA,
        version: 1,
        hash: "00".repeat(32),
        comment: None,
        created: Timestamp(3),
    }
}

pub(crate) fn policy() -> Policy {
    Policy {
        id: POLICY,
        version: 1,
        table: TABLE,
        kind: PolicyKind::Mask { column: SSN },
        function: FUNCTION,
        arguments: vec![Argument::Column(SSN)],
        owner: ANNA,
        created: Timestamp(4),
    }
}

pub(crate) fn user(id: PrincipalId, text: &str) -> Principal {
    Principal::User {
        id,
        name: name(text),
        requester_kind: RequesterKind::User,
        attributes: BTreeMap::from([("tenant".into(), "north".into())]),
        duties: [].into(),
        disabled: false,
    }
}

pub(crate) fn group(id: PrincipalId, text: &str, members: &[PrincipalId]) -> Principal {
    Principal::Group {
        id,
        name: name(text),
        members: members.iter().copied().collect(),
    }
}

pub(crate) fn grant() -> Grant {
    Grant {
        id: GRANT,
        grantee: Grantee::Principal(BILLING),
        privilege: Privilege::Select,
        on: Securable::Table(TABLE),
        grantor: ANNA,
        created: Timestamp(5),
    }
}

pub(crate) fn kek() -> KekRecord {
    KekRecord {
        id: KEY,
        version: 1,
        scope: KeyScope {
            table: TABLE,
            class: Class::Phi,
        },
        state: KeyState::Active,
        transitions: vec![],
        recipients: vec![Recipient {
            kms: "local:keystore".into(),
            wrapped: "d3JhcHBlZA==".into(),
        }],
    }
}

/// Everything above.
pub(crate) fn furniture() -> Vec<Change> {
    vec![
        Change::SetCatalogTags(tags(&[("lake", "clinic")])),
        Change::PutPrincipal(user(ANNA, "anna@quillfeather")),
        Change::PutPrincipal(group(BILLING, "billing", &[ANNA])),
        Change::PutKek(kek()),
        Change::PutSchema(schema()),
        Change::PutTable(table()),
        Change::PutTable(other_table()),
        Change::PutFunction(function()),
        Change::PutPolicy(policy()),
        Change::PutGrant(grant()),
    ]
}

/// A folder with a catalog in it.
pub(crate) struct House {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) catalog: Catalog,
}

impl House {
    pub(crate) async fn furnished() -> Self {
        Self::with(furniture()).await
    }

    pub(crate) async fn with(first: Vec<Change>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.db");
        let catalog = Catalog::create(&path, LAKE, &keys(), first).await.unwrap();
        Self { folder, catalog }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("catalog.db")
    }

    /// Commits on the newest state.
    pub(crate) async fn commit(&self, changes: Vec<Change>) -> Result<()> {
        let base = self.catalog.epoch();
        self.catalog.commit(base, changes).await.map(drop)
    }

    /// Closes and opens again.
    pub(crate) async fn reopen(&mut self) {
        self.catalog.close().await.unwrap();
        self.reopen_closed().await;
    }

    /// Opens what is closed.
    pub(crate) async fn reopen_closed(&mut self) {
        self.catalog = Catalog::open(&self.path(), LAKE, &keys()).await.unwrap();
    }
}
