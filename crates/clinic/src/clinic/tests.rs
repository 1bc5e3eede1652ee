use std::collections::{BTreeSet, HashSet};
use std::io::Read;

use super::*;
use crate::Scanner;

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_gives_others() {
    let read = |clinic: Clinic| {
        let mut all = Vec::new();
        clinic.patients_csv().read_to_end(&mut all).unwrap();
        clinic.encounters_ndjson().read_to_end(&mut all).unwrap();
        clinic.claims_csv().read_to_end(&mut all).unwrap();
        all
    };
    assert_eq!(read(Clinic::small(1)), read(Clinic::small(1)));
    assert_ne!(read(Clinic::small(1)), read(Clinic::small(2)));
}

#[test]
fn patients_are_well_formed_csv() {
    let clinic = Clinic::small(3);
    let mut reader = csv::Reader::from_reader(clinic.patients_csv());
    let header = reader.headers().unwrap().clone();
    assert_eq!(header.len(), 15);
    let (mut ids, mut ssns, mut mrns, mut tenants) = (
        HashSet::new(),
        HashSet::new(),
        HashSet::new(),
        BTreeSet::new(),
    );
    for row in reader.records() {
        let row = row.unwrap();
        ids.insert(row[0].parse::<i64>().unwrap());
        tenants.insert(row[1].to_owned());
        mrns.insert(row[2].to_owned());
        ssns.insert(row[3].to_owned());
        let contact: serde_json::Value = serde_json::from_str(&row[14]).unwrap();
        assert!(contact["emergency"]["phone"].is_string());
        assert_eq!(row[11].len(), 5, "a zip has five digits");
    }
    assert_eq!(ids.len(), clinic.patients);
    assert_eq!(ssns.len(), clinic.patients);
    assert_eq!(mrns.len(), clinic.patients);
    assert_eq!(tenants.len(), clinic.tenants);
}

#[test]
fn every_encounter_and_claim_has_its_patient_and_tenant() {
    let clinic = Clinic::small(4);
    let mut of_patient = std::collections::HashMap::new();
    for row in csv::Reader::from_reader(clinic.patients_csv()).records() {
        let row = row.unwrap();
        of_patient.insert(row[0].to_owned(), row[1].to_owned());
    }
    let mut text = String::new();
    clinic
        .encounters_ndjson()
        .read_to_string(&mut text)
        .unwrap();
    let mut encounters = std::collections::HashMap::new();
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let patient = line["patient_id"].to_string();
        assert_eq!(of_patient[&patient], line["tenant"].as_str().unwrap());
        let sentences = line["note"].as_str().unwrap();
        assert!(!sentences.is_empty() && sentences.ends_with('.'));
        encounters.insert(line["encounter_id"].to_string(), patient);
    }
    assert_eq!(encounters.len(), clinic.encounters);
    let mut claims = 0;
    for row in csv::Reader::from_reader(clinic.claims_csv()).records() {
        let row = row.unwrap();
        assert_eq!(encounters[&row[1]], row[2]);
        assert_eq!(of_patient[&row[2]], row[3]);
        let (_, cents) = row[6].split_once('.').unwrap();
        assert_eq!(cents.len(), 2);
        claims += 1;
    }
    assert_eq!(claims, clinic.claims);
}

#[test]
fn ssns_come_in_valid_never_issued_and_odd_shapes() {
    let clinic = Clinic {
        patients: 2_000,
        encounters: 0,
        claims: 0,
        tenants: 1,
        seed: 5,
    };
    let (mut dashed, mut spaced, mut bare, mut nine, mut zero, mut beast) = (0, 0, 0, 0, 0, 0);
    for row in csv::Reader::from_reader(clinic.patients_csv()).records() {
        let ssn = row.unwrap()[3].to_owned();
        dashed += usize::from(ssn.contains('-'));
        spaced += usize::from(ssn.contains(' '));
        bare += usize::from(ssn.len() == 9);
        nine += usize::from(ssn.starts_with('9'));
        zero += usize::from(ssn.starts_with("000"));
        beast += usize::from(ssn.starts_with("666"));
        assert_eq!(ssn.chars().filter(char::is_ascii_digit).count(), 9);
    }
    for count in [dashed, spaced, bare, nine, zero, beast] {
        assert!(count > 20, "a shape is missing");
    }
    assert!(dashed > spaced + bare);
}

#[test]
fn the_plain_streams_hold_every_planted_identifier() {
    let clinic = Clinic::small(6);
    let planted = clinic.planted();
    let mut scanner = Scanner::new(&planted).unwrap();
    scanner
        .scan_reader("patients.csv", clinic.patients_csv())
        .unwrap();
    scanner
        .scan_reader("encounters.ndjson", clinic.encounters_ndjson())
        .unwrap();
    scanner
        .scan_reader("claims.csv", clinic.claims_csv())
        .unwrap();
    let report = scanner.report();
    for (position, (kind, _)) in planted.identifiers.iter().enumerate() {
        assert!(
            report.has(position),
            "{} number {position} was not found",
            kind.as_str()
        );
    }
    assert_eq!(report.found(), planted.len());
}

#[test]
fn every_kind_is_planted() {
    let planted = Clinic::small(7).planted();
    for kind in [
        PlantKind::Ssn,
        PlantKind::Mrn,
        PlantKind::Name,
        PlantKind::Address,
        PlantKind::Phone,
        PlantKind::Email,
        PlantKind::HealthPlan,
        PlantKind::Date,
    ] {
        assert!(planted.count(kind) > 30, "too few of {}", kind.as_str());
    }
}

#[test]
fn the_demo_plants_at_least_twenty_thousand() {
    // The patients alone suffice; the whole is measured by the demo.
    let clinic = Clinic {
        encounters: 0,
        claims: 0,
        ..Clinic::demo()
    };
    assert!(clinic.planted().len() >= 20_000);
}

#[test]
fn a_clinic_without_patients_is_empty() {
    let clinic = Clinic {
        patients: 0,
        encounters: 5,
        claims: 5,
        tenants: 0,
        seed: 0,
    };
    let mut lines = String::new();
    clinic
        .encounters_ndjson()
        .read_to_string(&mut lines)
        .unwrap();
    assert!(lines.is_empty());
    assert!(clinic.planted().is_empty());
}
