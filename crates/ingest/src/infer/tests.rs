use lakeward_domain::LogicalType as T;
use proptest::prelude::*;

use super::*;
use crate::json;

fn type_of(texts: &[&str]) -> LogicalType {
    let mut observed = Observed::default();
    for text in texts {
        observed.add(text);
    }
    observed.data_type()
}

#[test]
fn a_type_holds_for_every_value() {
    let cases: &[(&[&str], T)] = &[
        (&[], T::String),
        (&["1", "-20"], T::BigInt),
        (&["9223372036854775807"], T::BigInt),
        (&["9223372036854775808", "1"], T::Decimal(38, 0)),
        (&["02138", "21244"], T::String),
        (&["21244", "02138"], T::String),
        (&["0", "10"], T::BigInt),
        (&["77.49", "3798.09", "0"], T::Decimal(18, 2)),
        (
            &["42.36877442769006", "-71.15168585038569"],
            T::Decimal(18, 14),
        ),
        (
            &["-70.46398463383107", "41.65002346491855401"],
            T::Decimal(38, 17),
        ),
        (&["NaN", "0.36474946640619377"], T::Double),
        (&["1e5", "2.5"], T::Double),
        (&["1e5", "12345678901234567"], T::String),
        (&["true", "FALSE"], T::Boolean),
        (&["true", "1"], T::String),
        (&["2014-10-06", "2008-04-07"], T::Date),
        (&["10/06/2014", "1/2/2008"], T::Date),
        (&["10/06/2014", "31/1/2008"], T::Date),
        (&["10/31/2014", "31/1/2008"], T::String),
        (&["2023-01-27T16:17:47Z"], T::Timestamp),
        (
            &["2023-01-27T16:17:47+02:00", "2023-01-27T16:17:47Z"],
            T::Timestamp,
        ),
        (&["1963-12-31 00:00:00"], T::TimestampNtz),
        (&["1963-12-31 00:00:00", "1963-12-31"], T::TimestampNtz),
        (&["2023-01-27T16:17:47Z", "2023-01-27T16:17:47"], T::String),
        (&["2023-01-27", "1"], T::String),
        (&["+15551234567"], T::String),
        (&["1,000"], T::String),
        (&["-"], T::String),
        (&["3edac2e3-d223-6fae-d515-daf96ef6bc76"], T::String),
    ];
    for (texts, expected) in cases {
        assert_eq!(type_of(texts), *expected, "{texts:?}");
    }
}

#[test]
fn nested_values_keep_their_shape_while_it_is_one() {
    let form = |lines: &[&str]| {
        let mut shape = Shape::default();
        for line in lines {
            shape.add(&json::parse(line).unwrap(), true, 0);
        }
        shape.form()
    };
    use super::shape::Form;
    assert_eq!(form(&[r#"{"a":1}"#, r#"{"b":[1]}"#, "null"]), Form::Struct);
    assert_eq!(form(&["[1]", "[]"]), Form::List);
    assert_eq!(form(&["[]"]), Form::List);
    assert_eq!(form(&[r#"{"a":1}"#, "3"]), Form::Json);
    assert_eq!(form(&["[1]", r#"{"a":1}"#]), Form::Json);
    assert_eq!(form(&["{}"]), Form::Json);
    assert_eq!(form(&[r#"{"999-17-5017":1}"#]), Form::Json);
    assert_eq!(form(&["1", "\"x\""]), Form::Scalar);
}

#[test]
fn values_are_no_names() {
    for (name, is) in [
        ("Id", false),
        ("address_1", false),
        ("concept_id_1", false),
        ("LASTBILLEDDATE1", false),
        ("2019", false),
        ("999-17-5017", true),
        ("123456789", true),
        ("2014-10-06", true),
        ("ann@example.org", true),
        ("8302-2", true),
        ("(617) 555-0142", true),
        ("größe", false),
    ] {
        assert_eq!(is_no_name(name), is, "{name}");
    }
}

proptest! {
    #[test]
    fn an_inferred_type_takes_every_value_it_was_inferred_from(
        texts in prop::collection::vec(
            prop_oneof![
                "-?[0-9]{1,25}", "-?[0-9]{0,12}\\.[0-9]{0,12}", "[0-9]{1,4}e[0-9]{1,2}", "(true|false)",
                "[12][0-9]{3}-[01][0-9]-[0-3][0-9]", "[0-9]{1,2}/[0-9]{1,2}/[12][0-9]{3}",
                "20[0-9]{2}-0[1-9]-1[0-9][ T][0-2][0-9]:[0-5][0-9]:[0-5][0-9](Z|[+]02:00)?", "\\PC{1,8}",
            ],
            1..6,
        ),
    ) {
        let mut observed = Observed::default();
        for text in &texts {
            observed.add(text);
        }
        for text in texts.iter().filter(|text| !text.trim_ascii().is_empty()) {
            let fits = match observed.data_type() {
                T::Boolean => value::boolean(text).is_some(),
                T::BigInt => value::integer(text).is_some(),
                T::Decimal(precision, scale) => value::decimal(text, precision, scale).is_some(),
                T::Double => value::double(text).is_some(),
                T::Date => value::date(text, observed.date_order()).is_some(),
                T::Timestamp => value::instant(text).is_some(),
                T::TimestampNtz => value::wall_clock(text).is_some(),
                _ => true,
            };
            prop_assert!(fits, "{:?} of {:?}", text, texts);
        }
    }
}
