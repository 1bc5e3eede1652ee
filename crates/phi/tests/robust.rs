//! Whatever the text, detection holds its promises; and planted identifiers are all found.

use lakeward_phi::{Detector, Kind, ScrubPolicy, header, scrub_text, transform, validate, zip3};
use proptest::prelude::*;

/// Pieces from which texts are built that come near to identifiers.
const PIECES: &[&str] = &[
    "402-19-8877",
    "SSN ",
    "mrn:",
    "1HGCM82633A004352",
    "(559) 555-0142",
    "03/14/2024",
    "Dr. ",
    "Smith",
    "Zoë",
    "é",
    "４０２",
    "－",
    "\u{200b}",
    "“",
    "@",
    ".com",
    "http://",
    "::",
    "10.0.0.1",
    "\n",
    " ",
    ", ",
    "-",
    ".",
    "/",
    ":",
    "'",
    "\"",
    "94-year-old",
    "March ",
    "of ",
    "the ",
    "P.O. Box ",
    "12",
    "Oak Street",
    "Hospital",
    "St",
    "GB82WEST12345698765432",
    "(01)12345678901234",
    "x",
    "1",
    "\u{1d7ce}",
    "🦀",
    "1:",
    "name: ",
    "T04",
];

fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(prop::sample::select(PIECES), 0..30)
        .prop_map(|pieces| pieces.concat());
    prop_oneof![3 => pieces, 1 => any::<String>(), 1 => "[a-zA-Z0-9 .,:/@'-]{0,80}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn findings_are_ordered_disjoint_and_on_character_boundaries(text in texts(), column in prop::option::of("[a-zA-Z_.]{0,12}")) {
        let mut end = 0;
        for finding in Detector::new().find(&text, column.as_deref()) {
            prop_assert!(finding.range.start >= end && finding.range.start < finding.range.end);
            prop_assert!(text.get(finding.range.clone()).is_some());
            end = finding.range.end;
        }
    }

    #[test]
    fn a_scrubbed_text_holds_none_of_the_values_found(text in texts()) {
        let detector = Detector::new();
        let (scrubbed, counts) = scrub_text(&detector, &text, None);
        let findings = detector.find(&text, None);
        prop_assert_eq!(counts.iter().map(|(_, count)| count).sum::<usize>(), findings.len());
        for finding in findings {
            let value = &text[finding.range];
            // Shorter values (an age, a house number) are ordinary words elsewhere.
            if value.len() >= 6 && !value.contains('[') {
                prop_assert!(!scrubbed.contains(value), "{:?} in {:?}", value, scrubbed);
            }
        }
    }

    #[test]
    fn nothing_panics_on_any_value(value in any::<String>()) {
        let _ = (header::kind_of(&value), header::is_code(&value), validate::parse_date(&value));
        let _ = (transform::show_last_4(&value), transform::show_first_4(&value), transform::alphanum_mask(&value));
        let _ = (transform::year_of(&value), transform::normalise(&value, Some(Kind::Ssn)));
        prop_assert_eq!(zip3::zip3(&value).len(), 3);
        let _ = ScrubPolicy::from_toml(&value);
    }

    #[test]
    fn masks_keep_the_length_and_show_no_more_than_four(value in any::<String>()) {
        let count = value.chars().count();
        for masked in [transform::show_last_4(&value), transform::show_first_4(&value), transform::alphanum_mask(&value)] {
            prop_assert_eq!(masked.chars().count(), count);
        }
    }

    #[test]
    fn a_planted_identifier_is_found_whatever_stands_around_it(
        serial in 1_u32..9999, group in 1_u32..99, area in 1_u32..665, before in "[a-z]{1,12}", after in "[a-z]{1,12}",
    ) {
        let detector = Detector::new();
        let ssn = format!("{area:03}-{group:02}-{serial:04}");
        let bare = format!("{area:03}{group:02}{serial:04}");
        for (value, text) in [
            (ssn.clone(), format!("{before} {ssn} {after}")),
            (ssn.clone(), format!("{before},{ssn};{after}")),
            (ssn.clone(), format!("{{\"{before}\":\"{ssn}\"}}")),
            (bare.clone(), format!("SSN {bare} {after}")),
            (format!("{before}@{after}.org"), format!("to {before}@{after}.org now")),
            (format!("MRN{serial:08}"), format!("{before} MRN: MRN{serial:08}")),
        ] {
            let (scrubbed, _) = scrub_text(&detector, &text, None);
            prop_assert!(!scrubbed.contains(&value), "{} in {}", value, scrubbed);
        }
    }
}
