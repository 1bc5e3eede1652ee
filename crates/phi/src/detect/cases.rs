//! What detectors find and leave alone, one table per kind.
//!
//! In a text, `«kind:value»` marks what must be found; everything else must be left.

use super::Detector;
use crate::Kind;

/// The text without marks, and the marked values with their kinds.
fn parse(marked: &str) -> (String, Vec<(Kind, String)>) {
    let mut text = String::new();
    let mut expected = Vec::new();
    let mut rest = marked;
    while let Some((before, after)) = rest.split_once('«') {
        let (mark, after) = after.split_once('»').unwrap();
        let (kind, value) = mark.split_once(':').unwrap();
        text.push_str(before);
        text.push_str(value);
        expected.push((kind.parse().unwrap(), value.to_owned()));
        rest = after;
    }
    text.push_str(rest);
    (text, expected)
}

fn check(cases: &[&str]) {
    let detector = Detector::new();
    let mut wrong = Vec::new();
    for case in cases {
        let (text, expected) = parse(case);
        let found: Vec<(Kind, String)> = detector
            .find(&text, None)
            .into_iter()
            .map(|finding| (finding.kind, text[finding.range].to_owned()))
            .collect();
        if found != expected {
            wrong.push(format!("{case}\n    found {found:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

#[test]
fn social_security_numbers_are_found_and_their_lookalikes_left() {
    check(&[
        "SSN on file is «ssn:402-19-8877».",
        "ssn «ssn:402 19 8877» taken",
        "«ssn:999-17-5017» was never issued",
        "SSN: «ssn:402198877»",
        "social security number «ssn:666121234»",
        "SSN «ssn:402-19-\n8877»",
        "SSN «ssn:40219\n8877»",
        "SSN «ssn:４０２－１９－８８７７»",
        "SSN «ssn:402‑19‑8877»",
        "{\"ssn\": \"«ssn:402198877»\"}",
        "SSN ***-**-«ssn:8877»",
        "order 402-19-88771",
        "SNOMED 195662009",
        "ratio 402 19 0000",
    ]);
}

#[test]
fn telephone_and_fax_numbers_are_found_and_their_lookalikes_left() {
    check(&[
        "Call «phone:(559) 555-0142» today",
        "callback number is «phone:559.555.0142».",
        "phone «phone:559-555-0142 x12»",
        "tel «phone:5595550142»",
        "Phone: «phone:+44 20 7946 0958»",
        "Fax: «fax:(312) 555-0198»",
        "Records were faxed to «fax:(312) 555-0198».",
        "cell «phone:555-0142»",
        "«phone:1-877-267-2323»",
        "phone «phone:559-555-\n0142»",
        "WBC 120 450 1200",
        "range 100-2000",
    ]);
}

#[test]
fn dates_are_found_and_years_and_durations_left() {
    check(&[
        "seen on «date:03/14/2024» and «date:2024-03-15T04:17:47Z»",
        "born «date:March 3, 1962»",
        "«date:14 March 2024», «date:14-Mar-2024», «date:Mar. 14, 2024»",
        "in «date:March 2024» and «date:03/2024»",
        "on «date:the third of July» and the «date:first week of May»",
        "seen on «date:3/14»",
        "at «date:Christmas 2023», «date:winter 2022»",
        "DOB «date:03141962»",
        "admitted «date:20240314»",
        "was born in «date:1931»",
        "in 2019 for 3 days, 2 weeks and 5 months",
        "pain 5/10, vision 20/20, BP 120/80, murmur 2/6",
        "version 1.2.3 of 2021",
        "she may march on",
        "13/13/2023 is none",
    ]);
}

#[test]
fn only_ages_over_89_are_found() {
    check(&[
        "The patient is a «age:94-year-old» woman",
        "a «age:92 y/o» man, «age:101 years old»",
        "Age: «age:95», aged «age:90»",
        "«age:93yo» F",
        "a «age:ninety-two-year-old» lady",
        "89-year-old, age 45, 12 years old",
        "glucose 94, SpO2 96%, weight 101 kg, temp 98.6",
    ]);
}

#[test]
fn addresses_of_the_net_are_found() {
    check(&[
        "mail «email:m.ferndale+labs@zephyrmail.example».",
        "see «url:https://portal.glucosense.example/u/marisol?x=1», now",
        "at «url:www.example.org» or «url:portal.example.com/path»",
        "from «ip:10.34.201.7» and «ip:2001:db8::1».",
        "at 12:30:45 the dose 1.2.3 was 10.5 mg b.i.d. or q.h.s.",
    ]);
}

#[test]
fn numbers_with_keywords_are_found() {
    check(&[
        "(MRN «mrn:5583920»)",
        "filed under mrn «mrn:2280» pending",
        "(chartMRN«mrn:04857211»)",
        "Medical record number is «mrn:AB-123456»",
        "Billing account «account:6620148833» was charged",
        "member ID is «health_plan:HPX-77-40921» and",
        "Medicare «health_plan:1EG4-TE5-MK73»",
        "license number is «license:1841007193».",
        "plate «vehicle:8XYZ432», VIN «vehicle:1HGCM82633A004352», and",
        "Device serial «device:SN-CG5-881207X».",
        "study code «other_id:CRIMSON-0447» links",
        "Voiceprint template «biometric:VP-559A» is used",
        "DEA «license:AB1234563», NPI «license:1234567893»",
        "card «account:4111 1111 1111 1111»",
        "IBAN «account:GB82 WEST 1234 5698 7654 32» and BIC «account:DEUTDEFF» for",
        "routing «account:021000021»",
        "«device:(01)13465995954590(11)760704(17)010719(10)8477791433724820(21)488266988»",
        "mac «device:00:1B:44:11:3A:B7»",
        "«other_id:3edac2e3-d223-6fae-d515-daf96ef6bc76»",
        "photo is on file as «photo:marisol_frontal_2024.jpg».",
        "the public lic D3 level, vitamin B12, H1 blocker, ICD E11.9, CPT 99213, LOINC 4548-4",
        "study of 2019, case closed, account settled, plan discussed",
        "platelets 240, glucose 101 mg/dL, INR 2.1, dose 500 mg",
    ]);
}

#[test]
fn places_smaller_than_a_state_are_found() {
    check(&[
        "lives at «address:4417 Old Kettle Rd», «city:Fresno», CA «zip:93726».",
        "«address:100 Main Street Apt 4B», «city:Dover», Delaware",
        "«address:P.O. Box 1234», ZIP «zip:93291-0001»",
        "resides in «city:Tulare County» near the city of «city:Visalia»;",
        "seen at «address:Sturdy Memorial Hospital» in Massachusetts",
        "at «geo:42.387123, -71.097456»",
        "transferred to the hospital in California",
        "5 mg Oral Tablet daily, 12 lead, 3 Doctors",
    ]);
}

#[test]
fn names_are_found_and_eponyms_left() {
    check(&[
        "Dr. «name:Ferndale» and Mrs. «name:Xu» spoke",
        "Patient: «name:Marisol Ferndale-Ostrowski»",
        "Name: «name:Smith, John A»",
        "«name:Marisol Ferndale-Ostrowski» (MRN «mrn:5583920») was seen",
        "Consult requested for patient «name:Reyes-Villalobos», who",
        "prefers to be called '«name:Sunny»' during",
        "seen by «name:J. Smith», MD",
        "spoke with «name:Tamara»",
        "«name:Maynard46 Mosciski958» came",
        "{\"first_name\": \"«name:Ann»\", \"lastName\": \"«name:O'Brien»\"}",
        "her husband «name:Robert Jones» called",
        "Parkinson's disease, Foley catheter, Wilson disease, Apgar score, Hodgkin lymphoma",
        "Loratadine 5 MG Chewable Tablet, Body Height, Acute viral pharyngitis (disorder)",
        "Patient denies Chest Pain. History of Present Illness. Physical Exam",
        "may will hope and grace",
    ]);
}

#[test]
fn another_mention_of_the_same_person_is_found() {
    check(&[
        "Patient: «name:Zorblat Quexley». Later «name:Quexley» left; quexley is no word.",
        "MRN «mrn:AB12345»; file «mrn:AB12345».pdf",
    ]);
}

#[test]
fn a_column_tells_what_a_short_value_is() {
    let detector = Detector::new();
    for (column, value, kind) in [
        ("FIRST", "zzgr", Some(Kind::Name)),
        ("ssn", "000000000", Some(Kind::Ssn)),
        ("mrn", "17", Some(Kind::Mrn)),
        ("CODE", "195662009", None),
        ("CODE", "402198877", None),
        ("age", "94", Some(Kind::Age)),
        ("age", "45", None),
        ("year_of_birth", "1963", None),
        ("phone", "n/a", None),
        ("patient.contact.phone", "12", Some(Kind::Phone)),
    ] {
        let found = detector.find(value, Some(column));
        assert_eq!(
            found.first().map(|finding| finding.kind),
            kind,
            "{column} {value}"
        );
        assert!(
            found
                .iter()
                .all(|finding| finding.range == (0..value.len()))
        );
    }
}

#[test]
fn a_long_text_is_searched_to_its_end() {
    let detector = Detector::new();
    let mut text = "Nothing to see in this sentence at all. ".repeat(60_000);
    let places = [0, 1_048_560, 1_050_000, 2_096_000];
    for place in places {
        text.replace_range(place..place + 16, "SSN 402-19-8877.");
    }
    let found = detector.find(&text, None);
    let starts: Vec<usize> = found.iter().map(|finding| finding.range.start).collect();
    assert_eq!(starts, places.map(|place| place + 4));
}
