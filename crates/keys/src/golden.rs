//! Golden files of the formats that this crate writes.
//!
//! Each is made from fixed keys and salts and must come out byte for byte; each also opens, so that
//! a file that an older release wrote still does. `UPDATE=1` renews them, and is right only with a
//! new format version beside the old one.

#![expect(clippy::disallowed_methods, reason = "golden files are plain files")]

use std::{env, fs, path::PathBuf};

use lakeward_domain::{
    Class, ColumnId, FileId, Hidden, KeyId, LakeId, PrincipalId, TableId, Timestamp,
};

use crate::{
    DekBinding, KekRecord, KeyScope, KeyState, LakeKeyRecord, LakeKeys, LocalKms, ObjectSealer,
    Recipient, Secret, Transition, WrapContext,
    derive::{hex, sha256, unhex},
    envelope::{self, KeyMetadata},
    kms::Kms,
    sealing,
};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/formats")
        .join(name)
}

/// The golden text, after holding what is written today against it.
fn golden(name: &str, today: &str) -> String {
    let path = path(name);
    if env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, today).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap();
    assert_eq!(golden, today, "{name} changed");
    golden
}

fn secret(byte: u8) -> Secret {
    Secret::from_slice(&[byte; 32]).unwrap()
}

const LAKE: LakeId = LakeId::from_bytes([0x11; 16]);
const TABLE: TableId = TableId::from_bytes([0x22; 16]);
const KEY: KeyId = KeyId::from_bytes([0x33; 16]);

fn passphrase() -> Hidden<String> {
    Hidden::new(String::from("correct horse battery staple"))
}

fn keystore() -> LocalKms {
    let text = LocalKms::golden_text(&passphrase());
    let golden = golden("keys-keystore-1.txt", &text);
    LocalKms::golden_open(golden.as_bytes(), &passphrase()).unwrap()
}

#[tokio::test]
async fn the_keystore_and_what_it_wraps_keep_their_format() {
    let kms = keystore();
    let lake = WrapContext {
        lake: LAKE,
        key: None,
        version: 1,
        table: None,
        class: None,
    };
    let record = LakeKeyRecord {
        version: 1,
        kms: kms.uri().to_owned(),
        wrapped: kms.golden_wrap(&secret(0x44), &lake),
    };
    let text = golden("keys-lake-1.json", &pretty(&record));
    let record: LakeKeyRecord = serde_json::from_str(&text).unwrap();
    let opened = LakeKeys::open(&kms, &record, LAKE).await.unwrap();
    let given = LakeKeys::from_root(LAKE, secret(0x44)).unwrap();
    assert_eq!(opened.signer().public_key(), given.signer().public_key());

    let scope = KeyScope {
        table: TABLE,
        class: Class::Phi,
    };
    let kek = WrapContext {
        key: Some(KEY),
        table: Some(TABLE),
        class: Some(Class::Phi),
        ..lake
    };
    let record = KekRecord {
        id: KEY,
        version: 1,
        scope,
        state: KeyState::Active,
        transitions: vec![Transition {
            state: KeyState::Active,
            at: Timestamp(1_709_210_096_000_007),
            actor: Some(PrincipalId::from_bytes([0x55; 16])),
            reason: String::from("created"),
        }],
        recipients: vec![Recipient {
            kms: kms.uri().to_owned(),
            wrapped: kms.golden_wrap(&secret(0x66), &kek),
        }],
    };
    let text = golden("keys-kek-1.json", &pretty(&record));
    assert_eq!(serde_json::from_str::<KekRecord>(&text).unwrap(), record);
}

#[test]
fn what_is_derived_from_the_lake_root_key_stays_the_same() {
    let keys = LakeKeys::from_root(LAKE, secret(0x44)).unwrap();
    let requester = PrincipalId::from_bytes([0x55; 16]);
    let now = Timestamp(1_709_210_096_000_007);
    let sealed = keys.golden_seal("catalog", b"plain", b"context");
    let lines = [
        ("signer", hex(&keys.signer().public_key())),
        ("token", hex(&keys.token_key("ssn").token(b"666000001"))),
        ("fingerprint", keys.fingerprint(requester, now, "select 1")),
        ("name", hex(&keys.name_key("table", "default.patients"))),
        ("sealed", hex(&sealed)),
    ];
    let text: String = lines
        .iter()
        .map(|(name, value)| format!("{name} {value}\n"))
        .collect();
    let golden = golden("keys-derived-1.txt", &text);
    let sealed = golden
        .lines()
        .find_map(|line| line.strip_prefix("sealed "))
        .unwrap();
    let opened = keys.sealer("catalog").open(&unhex(sealed), b"context");
    assert_eq!(*opened.unwrap(), b"plain".to_vec());
}

#[test]
fn key_metadata_keeps_its_format() {
    let binding = |column| DekBinding {
        lake: LAKE,
        table: TABLE,
        file: FileId::from_bytes([0x77; 16]),
        column,
    };
    for (name, column) in [
        ("keys-metadata-footer-1.json", None),
        (
            "keys-metadata-column-1.json",
            Some(ColumnId::from_bytes([0x88; 16])),
        ),
    ] {
        let binding = binding(column);
        let (kek, dek) = (secret(0x66), secret(0x99));
        let metadata = envelope::wrap(&kek, (KEY, 1), &binding, &dek, &[0xaa; 32]).unwrap();
        let golden = golden(name, std::str::from_utf8(&metadata).unwrap());
        let parsed = KeyMetadata::parse(golden.as_bytes()).unwrap();
        let opened = envelope::unwrap(&kek, &parsed, &binding).unwrap();
        assert_eq!(opened.reveal(), dek.reveal());
    }
}

#[test]
fn sealed_objects_keep_their_format() {
    let sealer = ObjectSealer::new(secret(0x44), 1);
    let path = "table/_delta_log/00000000000000000000.json";
    let salt = [0xbb; sealing::SALT];
    let seal = |plain: &[u8]| sealer.seal_salted(path, plain, &salt).unwrap();
    // Of the long one, two frames and a part, the digest.
    let text = format!(
        "empty {}\nshort {}\nlong {}\n",
        hex(&seal(b"")),
        hex(&seal(b"plain")),
        hex(&sha256(&seal(&[0xcc; 150_000])))
    );
    let golden = golden("keys-object-1.txt", &text);
    for (name, plain) in [("empty ", &b""[..]), ("short ", b"plain")] {
        let sealed = golden.lines().find_map(|line| line.strip_prefix(name));
        let opened = sealer.open(path, &unhex(sealed.unwrap())).unwrap();
        assert_eq!(opened, plain);
    }
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}
