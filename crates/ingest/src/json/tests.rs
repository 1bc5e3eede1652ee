use proptest::prelude::*;
use serde_json::Value;

use super::*;

#[test]
fn what_is_not_json_is_refused() {
    for (text, reason) in [
        (r#"{"a":1,}"#, Reason::NotJson),
        (r#"{"a":01}"#, Reason::NotJson),
        (r#"{"a":1} x"#, Reason::NotJson),
        (r#"{a:1}"#, Reason::NotJson),
        ("[1,]", Reason::NotJson),
        ("nul", Reason::NotJson),
        ("\"\u{1}\"", Reason::NotJson),
        (r#""\ud800""#, Reason::NotJson),
        (r#"{"a":1,"b":2,"a":3}"#, Reason::TwiceKey),
        (r#"{"x":{"a":1,"\u0061":3}}"#, Reason::TwiceKey),
    ] {
        assert_eq!(
            parse(text).map_err(|(reason, _)| reason),
            Err(reason),
            "{text}"
        );
    }
    assert_eq!(parse(&"[".repeat(100)), Err((Reason::TooDeep, false)));
}

#[test]
fn a_cut_line_says_that_it_ended_too_early() {
    let whole = r#"{"name":"Zoë \u00e9","n":[1.50,true,null]}"#;
    for end in 1..whole.len() {
        if let Some(cut) = whole.get(..end) {
            // A cut within a number leaves a number, but not an object.
            assert!(matches!(parse(cut), Err((Reason::NotJson, true))), "{cut}");
        }
    }
    assert!(parse(whole).is_ok());
}

#[test]
fn numbers_stay_as_they_are_written() {
    assert_eq!(parse("12.10"), Ok(Json::Number("12.10")));
    assert_eq!(
        parse("12345678901234567890.5"),
        Ok(Json::Number("12345678901234567890.5"))
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_another_parser_writes_reads_back(value in any_json()) {
        let text = value.to_string();
        let parsed = parse(&text);
        prop_assert!(parsed.is_ok(), "{}", text);
        let mut again = String::new();
        write(&parsed.unwrap(), &mut again);
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        prop_assert_eq!(read(&again), read(&text));
    }

    #[test]
    fn both_parsers_accept_the_same_texts(text in "[{}\\[\\]:,\"\\\\a1.eE+0 tnul-]{0,12}") {
        let other: Result<Value, _> = serde_json::from_str(&text);
        match parse(&text) {
            Err((Reason::TwiceKey, _)) => {}
            // The other parser refuses what does not fit its numbers.
            mine => prop_assert!(mine.is_ok() == other.is_ok() || text.contains(['e', 'E']), "{}", text),
        }
    }
}
