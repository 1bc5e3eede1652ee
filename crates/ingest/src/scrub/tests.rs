use std::borrow::Cow;

use lakeward_domain::LogicalType;

use super::*;
use crate::{
    layout::{Counted, Path},
    source::tests::key,
    value::DateOrder,
};

fn leaf(action: Transform, as_json: bool) -> Leaf {
    let path = Path {
        raw: "payload".into(),
        label: "payload".into(),
    };
    Leaf {
        counted: Counted {
            path,
            category: "unknown",
        },
        recognised: false,
        key: Some(key()),
        action,
        data_type: LogicalType::String,
        dates: DateOrder::MonthFirst,
        as_json,
    }
}

fn scrubbed(leaf: &Leaf, text: &str) -> Option<String> {
    match value(
        leaf,
        lakeward_phi::detect::standard(),
        Cow::Borrowed(text),
        &mut Vec::new(),
    ) {
        Scrubbed::Text(text) => Some(text.into_owned()),
        Scrubbed::Null => None,
        Scrubbed::Bad => Some("bad".into()),
    }
}

#[test]
fn an_encoded_note_is_opened_scrubbed_and_closed_again() {
    let leaf = leaf(Transform::ScrubText(KindSet::ALL), false);
    let note = "Reached by e-mail at ann.lee@example.org after the visit.";
    let out = scrubbed(&leaf, &STANDARD.encode(note)).unwrap();
    let opened = String::from_utf8(STANDARD.decode(out).unwrap()).unwrap();
    assert!(
        opened.contains("[EMAIL]") && !opened.contains("ann.lee"),
        "{opened}"
    );
}

#[test]
fn encoded_bytes_that_nobody_can_read_do_not_pass() {
    let leaf = leaf(Transform::ScrubText(KindSet::ALL), false);
    let bytes: Vec<u8> = (0..120_u8).map(|index| index.wrapping_mul(37)).collect();
    assert_eq!(scrubbed(&leaf, &STANDARD.encode(bytes)).unwrap(), "bad");
    // Digests and words are no such thing.
    for text in [
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "Loratadine",
    ] {
        assert_eq!(scrubbed(&leaf, text).unwrap(), text);
    }
}

#[test]
fn json_of_any_shape_is_scrubbed_keys_included() {
    let leaf = leaf(Transform::ScrubText(KindSet::ALL), true);
    let text = r#"{"contact":{"ssn":"402-19-8877","mail":["ann.lee@example.org"]},"402-19-8877":true,"n":12.10}"#;
    let out = scrubbed(&leaf, text).unwrap();
    assert!(
        !out.contains("402-19-8877") && !out.contains("ann.lee"),
        "{out}"
    );
    assert!(out.contains("12.10") && json::parse(&out).is_ok(), "{out}");
}

#[test]
fn equal_identifiers_become_equal_tokens() {
    let action = Transform::Token {
        domain: "ssn".into(),
        kind: Some(Kind::Ssn),
    };
    let leaf = leaf(action, false);
    assert_eq!(
        scrubbed(&leaf, "402-19-8877"),
        scrubbed(&leaf, "402 19 8877")
    );
    assert_ne!(
        scrubbed(&leaf, "402-19-8877"),
        scrubbed(&leaf, "402-19-8878")
    );
}
