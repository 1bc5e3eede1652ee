use proptest::prelude::*;

use super::*;

#[test]
fn integers_are_strict() {
    for (text, value) in [
        ("0", Some(0)),
        ("-14196", Some(-14196)),
        (" 7 ", Some(7)),
        ("9223372036854775807", Some(i64::MAX)),
        ("9223372036854775808", None),
        ("02138", None),
        ("-01", None),
        ("+5", None),
        ("1.0", None),
        ("", None),
        ("-", None),
        ("1e3", None),
    ] {
        assert_eq!(integer(text), value, "{text}");
    }
}

#[test]
fn decimals_are_exact_or_nothing() {
    for (text, value) in [
        ("12.10", Some(1210)),
        ("12.1", Some(1210)),
        ("12", Some(1200)),
        ("-0.05", Some(-5)),
        (".5", Some(50)),
        ("12.100", Some(1210)),
        ("12.101", None),
        ("1000000", None),
        ("99999.99", Some(9_999_999)),
        ("100000.00", None),
        ("05.10", None),
        (".", None),
        ("1,5", None),
        ("1e2", None),
    ] {
        assert_eq!(decimal(text, 7, 2), value, "{text}");
    }
    assert_eq!(
        decimal("99999999999999999999999999999999999999", 38, 0),
        Some(10_i128.pow(38) - 1)
    );
    assert_eq!(
        decimal("999999999999999999999999999999999999999", 38, 0),
        None
    );
}

#[test]
fn days_that_do_not_exist_are_no_dates() {
    for (text, order, day) in [
        ("1970-01-01", DateOrder::MonthFirst, Some(0)),
        ("1969-12-31", DateOrder::MonthFirst, Some(-1)),
        ("2000-02-29", DateOrder::MonthFirst, Some(11_016)),
        ("1900-02-29", DateOrder::MonthFirst, None),
        ("2023/01/27", DateOrder::MonthFirst, Some(19_384)),
        ("1/27/2023", DateOrder::MonthFirst, Some(19_384)),
        ("27/01/2023", DateOrder::DayFirst, Some(19_384)),
        ("27/01/2023", DateOrder::MonthFirst, None),
        ("2023-1-27", DateOrder::MonthFirst, None),
        ("2023-01/27", DateOrder::MonthFirst, None),
        ("20230127", DateOrder::MonthFirst, None),
        ("2023-13-01", DateOrder::MonthFirst, None),
        ("2023-00-10", DateOrder::MonthFirst, None),
    ] {
        assert_eq!(date(text, order), day, "{text}");
    }
}

#[test]
fn instants_need_a_zone_and_wall_clocks_have_none() {
    for (text, utc, wall) in [
        ("1970-01-01T00:00:01Z", Some(1_000_000), None),
        ("1970-01-01 01:00:00+01:00", Some(0), None),
        ("1970-01-01T00:00:00-0230", Some(9_000_000_000), None),
        ("1970-01-01T00:00:00.000001Z", Some(1), None),
        ("1970-01-01T00:00:00.0000010Z", Some(1), None),
        ("1970-01-01T00:00:00.0000001Z", None, None),
        ("1970-01-01 00:00:01", None, Some(1_000_000)),
        ("1970-01-01T00:01", None, Some(60_000_000)),
        ("1970-01-02", None, Some(86_400_000_000)),
        ("1970-01-01T24:00:00Z", None, None),
        ("1970-01-01T00:00:60Z", None, None),
        ("1970-01-01T00:00:00+25:00", None, None),
        ("1970-01-01", None, Some(0)),
        ("noon", None, None),
    ] {
        assert_eq!(instant(text), utc, "{text}");
        assert_eq!(wall_clock(text), wall, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(text in "\\PC{0,40}") {
        let _ = (integer(&text), decimal(&text, 38, 10), double(&text), boolean(&text));
        let _ = (date(&text, DateOrder::DayFirst), instant(&text), wall_clock(&text), slashed(&text));
    }

    #[test]
    fn a_written_decimal_reads_back(units in -999_999_999_i64..=999_999_999) {
        let sign = if units < 0 { "-" } else { "" };
        let text = format!("{sign}{}.{:03}", units.abs() / 1000, units.abs() % 1000);
        prop_assert_eq!(decimal(&text, 18, 3), Some(i128::from(units)));
    }

    #[test]
    fn every_day_of_four_centuries_reads_back(day in -200_000_i64..200_000) {
        let time = lakeward_domain::Timestamp(day * 86_400_000_000);
        let (year, month, date_of_month) = time.date();
        let text = format!("{year:04}-{month:02}-{date_of_month:02}");
        prop_assert_eq!(date(&text, DateOrder::MonthFirst), i32::try_from(day).ok());
    }
}
