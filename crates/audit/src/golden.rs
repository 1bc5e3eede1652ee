//! The formats of segments, checkpoints and entries, byte for byte.
//!
//! `UPDATE=1` writes the fixtures anew. A change of them is a change of the format: raise its
//! version and keep reading the old one.

use std::{collections::BTreeMap, env, path::PathBuf};

use lakeward_domain::{
    Because, Code, ColumnAccess, ColumnId, Door, KeyId, Name, PolicyId, PrincipalId, Purpose,
    TableId, Timestamp,
};

use crate::{
    ColumnDecision, Entry, Event, FilterDecision, IngestCount, Outcome, TableUse,
    sink::testing::{self as files, Folder},
    testing::{LAKE, begin, create, finished, open, public_key, query, refused, run, who},
    verify::verify,
};

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/formats")
}

fn because() -> Because {
    Because {
        policy: Some(PolicyId::from_bytes([4; 16])),
        version: Some(3),
        body_hash: Some("ab".repeat(32)),
        tag: Some("phi=ssn".to_owned()),
        decided_by: vec!["is_member('billing') is false".to_owned()],
        reason: "masked by policy".to_owned(),
    }
}

/// One entry of every event, with every field once filled.
fn every_event() -> Vec<Entry> {
    let table = TableId::from_bytes([5; 16]);
    let name = || "silver.patients".parse().unwrap();
    let mut asked = begin(9);
    if let Some(who) = &mut asked.who {
        who.purpose = Some(Purpose {
            name: Name::parse("research").unwrap(),
            reference: Some("study-7".to_owned()),
        });
        who.impersonator = Some((
            PrincipalId::from_bytes([6; 16]),
            Name::parse("root").unwrap(),
        ));
        who.door = Door::Flight;
        who.clearance = None;
    }
    let lake = |event| Entry::new(Timestamp(1), event);
    let of = |event| Entry {
        at: Timestamp(2),
        query: Some(query(9)),
        who: Some(who()),
        event,
    };
    vec![
        lake(Event::LakeCreated {
            lake: LAKE,
            release: "0.1.0".to_owned(),
            kms: "local".to_owned(),
        }),
        lake(Event::LoginFailed {
            name_fingerprint: "0123456789abcdef0123456789abcdef".to_owned(),
            code: Code::LoginFailed,
        }),
        asked,
        of(Event::Decided {
            statement: "select".to_owned(),
            shape: "SELECT ssn FROM silver.patients WHERE id = ?".to_owned(),
            tables: vec![TableUse {
                table,
                name: name(),
                version: 4,
            }],
            columns: vec![ColumnDecision {
                table,
                column: ColumnId::from_bytes([2; 16]),
                name: Name::parse("ssn").unwrap(),
                access: ColumnAccess::Constant,
                because: because(),
            }],
            row_filters: vec![FilterDecision {
                table,
                because: Because::reason("no filter"),
            }],
            catalog_epoch: 12,
            keys: vec![format!("{}@1", KeyId::from_bytes([1; 16]))],
        }),
        finished(9),
        of(Event::Finished {
            rows: 0,
            outcome: Outcome::Failed(Code::DeadlineExceeded),
            keys_released: Vec::new(),
        }),
        refused(10),
        of(Event::Changed {
            what: "create table".to_owned(),
            object: table.to_string(),
            detail: BTreeMap::from([("name".to_owned(), "silver.patients".to_owned())]),
        }),
        lake(Event::CatalogEpoch {
            epoch: 12,
            root: "cd".repeat(32),
        }),
        of(Event::Ingest {
            table,
            name: name(),
            source: "0123".to_owned(),
            scrub: "safe_harbor".to_owned(),
            rows: 10,
            quarantined: 1,
            counts: vec![IngestCount {
                category: "ssn".to_owned(),
                column: "note".to_owned(),
                disposition: "redacted".to_owned(),
                count: 3,
            }],
        }),
        of(Event::KeyTransition {
            key: KeyId::from_bytes([1; 16]),
            version: 1,
            state: "active".to_owned(),
            reason: "created".to_owned(),
        }),
        lake(Event::Recovered {
            what: "ledger: 5 bytes dropped".to_owned(),
        }),
    ]
}

#[test]
fn the_files_of_a_ledger_are_the_golden_ones() {
    let folder = Folder::new();
    let ledger = create(folder.path());
    let entries = every_event();
    for entry in &entries {
        run(ledger.append(entry.clone())).unwrap();
    }
    drop(ledger);
    let mut text = Vec::new();
    for entry in &entries {
        text.extend(serde_json::to_vec(entry).unwrap());
        text.push(b'\n');
    }
    files::write(&folder.path().join("entries.ndjson"), &text);
    for name in ["records/00000000", "checkpoint", "entries.ndjson"] {
        let golden = fixtures().join("ledger-v1").join(name);
        let found = files::read(&folder.path().join(name));
        if env::var_os("UPDATE").is_some() {
            files::write(&golden, &found);
        }
        assert!(
            found == files::read(&golden),
            "{name} differs from its fixture"
        );
    }
}

#[test]
fn a_golden_ledger_opens_verifies_and_reads_back() {
    let folder = Folder::copy_of(&fixtures().join("ledger-v1"));
    files::remove(&folder.path().join("entries.ndjson"));
    let report = verify(folder.path(), &public_key(), None).unwrap();
    let entries = every_event();
    assert_eq!(report.entries, entries.len() as u64);
    let (ledger, recovery) = open(folder.path()).unwrap();
    assert!(!recovery.happened());
    let found: Vec<_> = ledger
        .entries(0..u64::MAX)
        .unwrap()
        .into_iter()
        .map(|(_, entry)| entry)
        .collect();
    assert_eq!(found, entries);
}
