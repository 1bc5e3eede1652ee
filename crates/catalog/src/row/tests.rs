//! The row encoding, held still by `fixtures/formats/catalog-row-1.json`.

#![expect(clippy::disallowed_methods, reason = "golden files are plain files")]

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::*;
use crate::tests::house::*;

/// A row and everything about it that must not change.
#[derive(Debug, Serialize, Deserialize)]
struct Golden {
    id: String,
    kind: String,
    parent: String,
    name_key: Option<String>,
    epoch: u64,
    payload: serde_json::Value,
    sealed: String,
    mac: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Fixture {
    note: String,
    lake: LakeId,
    rows: Vec<Golden>,
    epoch: u64,
    root: String,
    epoch_mac: String,
}

const EPOCH: u64 = 3;

fn row_keys() -> RowKeys {
    RowKeys::new(LAKE, CatalogKeys::from(&keys()))
}

fn records() -> Vec<Record> {
    vec![
        Record::Catalog(tags(&[("lake", "clinic")])),
        Record::Schema(schema()),
        Record::Table(table()),
        Record::Function(function()),
        Record::Policy(policy()),
        Record::Principal(user(ANNA, "anna@quillfeather")),
        Record::Principal(group(BILLING, "billing", &[ANNA])),
        Record::Grant(grant()),
        Record::Kek(kek()),
    ]
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/formats/catalog-row-1.json")
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    let (pairs, _) = digits.as_chunks::<2>();
    pairs
        .iter()
        .map(|[high, low]| (high * 16 + low) as u8)
        .collect()
}

fn make() -> Fixture {
    let keys = row_keys();
    let mut leaves = BTreeMap::new();
    let rows = records().into_iter().map(|record| {
        let row = keys.seal(&record, EPOCH).unwrap();
        leaves.insert(record.id(), array(&row.mac));
        Golden {
            payload: serde_json::from_slice(&record.encode().unwrap()).unwrap(),
            id: row.id,
            kind: row.kind,
            parent: row.parent,
            name_key: row.name_key.as_deref().map(hex),
            epoch: row.epoch,
            sealed: hex(&row.sealed),
            mac: hex(&row.mac),
        }
    });
    let rows = rows.collect();
    let root = keys.root(EPOCH, leaves.iter());
    Fixture {
        note: "lake root key: 32 bytes of 0x07; sealing is salted, so new sealed texts differ"
            .into(),
        lake: LAKE,
        rows,
        epoch: EPOCH,
        root: hex(&root),
        epoch_mac: hex(&keys.epoch_mac(EPOCH, &root)),
    }
}

#[test]
fn rows_of_format_1_still_open() {
    if std::env::var_os("UPDATE").is_some() {
        let text = serde_json::to_string_pretty(&make()).unwrap() + "\n";
        std::fs::create_dir_all(path().parent().unwrap()).unwrap();
        std::fs::write(path(), text).unwrap();
    }
    let text = std::fs::read_to_string(path()).unwrap();
    let fixture: Fixture = serde_json::from_str(&text).unwrap();
    let keys = row_keys();
    let mut leaves = BTreeMap::new();
    assert_eq!(fixture.rows.len(), records().len());
    for (golden, expected) in fixture.rows.iter().zip(records()) {
        let row = Row {
            id: golden.id.clone(),
            kind: golden.kind.clone(),
            parent: golden.parent.clone(),
            name_key: golden.name_key.as_deref().map(unhex),
            epoch: golden.epoch,
            sealed: unhex(&golden.sealed),
            mac: unhex(&golden.mac),
        };
        let (record, mac) = keys.open(&row).unwrap();
        assert_eq!(record, expected, "{}", golden.id);
        let encoded = record.encode().unwrap();
        assert_eq!(encoded.len() % BLOCK, 0);
        let payload: serde_json::Value = serde_json::from_slice(&encoded).unwrap();
        // As text: the order of fields is part of what is written.
        assert_eq!(payload.to_string(), golden.payload.to_string());
        leaves.insert(record.id(), mac);
    }
    let root = keys.root(fixture.epoch, leaves.iter());
    assert_eq!(hex(&root), fixture.root);
    keys.check_epoch(fixture.epoch, &root, &unhex(&fixture.epoch_mac))
        .unwrap();
}

#[test]
fn ids_read_back_from_their_text() {
    for record in records() {
        let id = record.id();
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    for text in ["", "x", "catalog ", "k@1", "k01@", "t"] {
        assert!(text.parse::<ObjectId>().is_err(), "{text:?}");
    }
}

#[test]
fn the_length_of_a_row_tells_little_of_the_length_of_a_name() {
    let keys = row_keys();
    let length = |name: &str| {
        let record = Record::Principal(user(ANNA, name));
        keys.seal(&record, 1).unwrap().sealed.len()
    };
    assert_eq!(length("a"), length("abcdefghijkl"));
}

#[test]
fn users_and_groups_share_their_names_and_schemas_do_not() {
    let keys = row_keys();
    let key = |record: Record| record.name_key(&keys).unwrap();
    let mut schema = schema();
    schema.name = name("billing");
    assert_eq!(
        key(Record::Principal(group(BILLING, "billing", &[]))),
        key(Record::Principal(user(ANNA, "Billing")))
    );
    assert_ne!(
        key(Record::Principal(group(BILLING, "billing", &[]))),
        key(Record::Schema(schema))
    );
}
