//! What a column's name says about its values.
//!
//! Names are compared by whole words, so `lic` is not in `public` and `age` not in `image`. Words are
//! cut at punctuation, at a change to upper case, and inside the run-together names that Synthea
//! uses (`BIRTHDATE`, `MEMBERID`). Names of vocabulary tables (`concept_name`, `valid_start_date`) are
//! about nobody.

use crate::Kind;

/// The kind of identifier that a column of this name, or a value at this JSON path, holds.
///
/// Of a path the last segment decides; where it says nothing, the whole path is asked for words that
/// say a kind by themselves (`contact.phone.value`).
#[must_use]
pub fn kind_of(column: &str) -> Option<Kind> {
    let words = words(column);
    let last = column
        .rsplit(['.', '/'])
        .next()
        .map(self::words)
        .unwrap_or_default();
    of_words(&last).or_else(|| {
        if last.len() == words.len() {
            None
        } else {
            of_path(&words)
        }
    })
}

/// Whether a column of this name holds codes of a public system (ICD, LOINC, SNOMED CT, NDC, …), in
/// which long numbers are not identifiers.
#[must_use]
pub fn is_code(column: &str) -> bool {
    const CODES: &[&str] = &[
        "code",
        "codes",
        "icd",
        "icd9",
        "icd10",
        "loinc",
        "snomed",
        "ndc",
        "cpt",
        "hcpcs",
        "rxnorm",
        "cvx",
        "concept",
        "drg",
        "revenue",
        "taxonomy",
        "reasoncode",
        "bodysite",
        "vocabulary",
        "modifier",
        "procedurecode",
        "diagnosis",
        "reaction",
        "reaction1",
        "reaction2",
    ];
    let words = words(column);
    // OMOP keeps the source's code of a concept under such a name.
    let of_source = words.ends_with(&["source".to_owned(), "value".to_owned()]);
    let named = of_source || words.iter().any(|word| CODES.contains(&word.as_str()));
    named && kind_of(column).is_none()
}

/// Whether a column of this name holds the date or year of a birth.
#[must_use]
pub fn is_birth(column: &str) -> bool {
    words(column).iter().any(|word| {
        matches!(
            word.as_str(),
            "birth" | "born" | "dob" | "birthdate" | "birthday"
        )
    })
}

fn words(column: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before_lower = false;
    for c in column.chars() {
        let cut = !c.is_alphanumeric() || (c.is_uppercase() && before_lower);
        if cut && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        before_lower = c.is_lowercase() || c.is_ascii_digit();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words.into_iter().flat_map(split_joined).collect()
}

/// Cuts run-together words: `birthdate`, `memberid`, `lastname`, `servicedate1`.
fn split_joined(word: String) -> Vec<String> {
    const HEADS: &[&str] = &[
        "birth",
        "death",
        "service",
        "illness",
        "lastbilled",
        "currentillness",
        "from",
        "to",
        "start",
        "end",
        "admit",
        "admission",
        "discharge",
        "visit",
        "member",
        "patient",
        "person",
        "subject",
        "claim",
        "charge",
        "appointment",
        "encounter",
        "account",
        "device",
        "record",
        "mobile",
        "cell",
        "home",
        "work",
        "phone",
        "fax",
        "first",
        "last",
        "middle",
        "maiden",
        "full",
        "given",
        "family",
        "sur",
        "user",
        "owner",
        "street",
        "postal",
        "zip",
        "ip",
        "mac",
        "email",
        "medicalrecord",
        "healthplan",
        "insurance",
        "subscriber",
        "patientinsurance",
        "primarypatientinsurance",
        "secondarypatientinsurance",
        "policy",
        "group",
        "licence",
        "license",
        "tax",
        "note",
        "provider",
        "department",
        "instance",
        "series",
        "study",
        "nick",
    ];
    const TAILS: &[&str] = &[
        "date", "datetime", "time", "id", "name", "number", "num", "no", "code", "address", "uid",
        "dt",
    ];
    let stem = word.trim_end_matches(|c: char| c.is_ascii_digit());
    for tail in TAILS {
        if let Some(head) = stem
            .strip_suffix('p')
            .filter(|stem| stem.ends_with("date"))
            .unwrap_or(stem)
            .strip_suffix(tail)
            && HEADS.contains(&head)
        {
            let head = if head.ends_with("insurance") {
                "insurance"
            } else {
                head
            };
            return vec![head.to_owned(), (*tail).to_owned()];
        }
    }
    if stem.is_empty() || stem.len() == word.len() {
        vec![word]
    } else {
        vec![stem.to_owned()]
    }
}

/// Words that say their kind wherever in a name or path they stand.
const PLAIN: &[(&str, Kind)] = &[
    ("ssn", Kind::Ssn),
    ("ssns", Kind::Ssn),
    ("itin", Kind::Ssn),
    ("sin", Kind::Ssn),
    ("tin", Kind::Ssn),
    ("socialsecurity", Kind::Ssn),
    ("socialsecuritynumber", Kind::Ssn),
    ("mrn", Kind::Mrn),
    ("medicalrecord", Kind::Mrn),
    ("mrns", Kind::Mrn),
    ("emrn", Kind::Mrn),
    ("empi", Kind::Mrn),
    ("phone", Kind::Phone),
    ("telephone", Kind::Phone),
    ("tel", Kind::Phone),
    ("mobile", Kind::Phone),
    ("cellphone", Kind::Phone),
    ("homephone", Kind::Phone),
    ("workphone", Kind::Phone),
    ("pager", Kind::Phone),
    ("fax", Kind::Fax),
    ("email", Kind::Email),
    ("mail", Kind::Email),
    ("emails", Kind::Email),
    ("url", Kind::Url),
    ("uri", Kind::Url),
    ("website", Kind::Url),
    ("homepage", Kind::Url),
    ("webpage", Kind::Url),
    ("ip", Kind::Ip),
    ("ipv4", Kind::Ip),
    ("ipv6", Kind::Ip),
    ("ipaddress", Kind::Ip),
    ("zip", Kind::Zip),
    ("zipcode", Kind::Zip),
    ("postcode", Kind::Zip),
    ("postalcode", Kind::Zip),
    ("lat", Kind::Geo),
    ("lon", Kind::Geo),
    ("lng", Kind::Geo),
    ("latitude", Kind::Geo),
    ("longitude", Kind::Geo),
    ("geocode", Kind::Geo),
    ("geohash", Kind::Geo),
    ("tract", Kind::Geo),
    ("fips", Kind::Geo),
    ("coordinates", Kind::Geo),
    ("dob", Kind::Date),
    ("dod", Kind::Date),
    ("birthdate", Kind::Date),
    ("birthday", Kind::Date),
    ("deathdate", Kind::Date),
    ("drivers", Kind::License),
    ("driver", Kind::License),
    ("passport", Kind::License),
    ("npi", Kind::License),
    ("dea", Kind::License),
    ("license", Kind::License),
    ("licence", Kind::License),
    ("certificate", Kind::License),
    ("vin", Kind::Vehicle),
    ("plate", Kind::Vehicle),
    ("vehicle", Kind::Vehicle),
    ("udi", Kind::Device),
    ("imei", Kind::Device),
    ("serial", Kind::Device),
    ("mac", Kind::Device),
    ("fingerprint", Kind::Biometric),
    ("voiceprint", Kind::Biometric),
    ("biometric", Kind::Biometric),
    ("biometrics", Kind::Biometric),
    ("retina", Kind::Biometric),
    ("iris", Kind::Biometric),
    ("photo", Kind::Photo),
    ("photograph", Kind::Photo),
    ("portrait", Kind::Photo),
    ("selfie", Kind::Photo),
    ("iban", Kind::Account),
    ("account", Kind::Account),
    ("acct", Kind::Account),
    ("creditcard", Kind::Account),
    ("routing", Kind::Account),
    ("card", Kind::Account),
    ("mbi", Kind::HealthPlan),
    ("hicn", Kind::HealthPlan),
    ("beneficiary", Kind::HealthPlan),
    ("medicaid", Kind::HealthPlan),
    ("subscriber", Kind::HealthPlan),
    ("member", Kind::HealthPlan),
    ("nhs", Kind::HealthPlan),
    ("surname", Kind::Name),
    ("lastname", Kind::Name),
    ("firstname", Kind::Name),
    ("fullname", Kind::Name),
    ("forename", Kind::Name),
    ("maiden", Kind::Name),
    ("nickname", Kind::Name),
    ("middlename", Kind::Name),
    ("street", Kind::Address),
    ("addr", Kind::Address),
    ("address", Kind::Address),
    ("addresses", Kind::Address),
    ("birthplace", Kind::City),
    ("city", Kind::City),
    ("county", Kind::City),
    ("town", Kind::City),
    ("municipality", Kind::City),
    ("precinct", Kind::City),
    ("hometown", Kind::City),
    ("village", Kind::City),
    ("uuid", Kind::OtherId),
    ("guid", Kind::OtherId),
    ("accession", Kind::OtherId),
];

fn plain(word: &str) -> Option<Kind> {
    PLAIN
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, kind)| *kind)
}

/// Words that make a name or date one of a vocabulary, a file or a thing, not of a person.
const OF_THINGS: &[&str] = &[
    "concept",
    "domain",
    "vocabulary",
    "relationship",
    "class",
    "attribute",
    "source",
    "file",
    "column",
    "table",
    "event",
    "drug",
    "test",
    "lab",
    "unit",
    "product",
    "procedure",
    "diagnosis",
    "medication",
    "plan",
    "cohort",
    "display",
    "system",
    "cdm",
    "metadata",
    "valid",
    "release",
    "code",
    "brand",
    "generic",
    "device",
    "species",
    "type",
    "department",
    "variable",
    "field",
    "panel",
    "specimen",
    "observation",
    "condition",
    "route",
    "form",
    "etl",
    "title",
];

fn of_words(words: &[String]) -> Option<Kind> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let has = |word: &str| words.contains(&word);
    let any = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let things = any(OF_THINGS);
    match words.as_slice() {
        [] => return None,
        [
            "first" | "last" | "middle" | "given" | "family" | "prefix" | "suffix" | "alias"
            | "name" | "names",
        ] => {
            return Some(Kind::Name);
        }
        [
            "patient" | "person" | "subject" | "id" | "identifier" | "encounter" | "mpi" | "pid"
            | "username" | "login",
        ]
        | ["user", "name" | "id"] => {
            return Some(Kind::OtherId);
        }
        [
            "date" | "datetime" | "start" | "stop" | "end" | "period" | "timestamp" | "admitted"
            | "discharged" | "born" | "issued" | "deceased" | "onset" | "recorded",
        ] => {
            return Some(Kind::Date);
        }
        ["age" | "ages"] => return Some(Kind::Age),
        ["image" | "picture" | "face"] => return Some(Kind::Photo),
        _ => {}
    }
    if has("concept") || has("vocabulary") || has("cdm") {
        return None;
    }
    if let Some(kind) = of_date(&words, things) {
        return Some(kind);
    }
    if has("name") || has("names") {
        return (!things).then_some(Kind::Name);
    }
    if has("security") && has("social") {
        return Some(Kind::Ssn);
    }
    if has("record") && (has("medical") || any(&["number", "no", "num", "id"])) {
        return Some(Kind::Mrn);
    }
    // `email_address` and `ip_address` are no addresses; `zip_code` is a zip.
    if has("device") && any(&["id", "identifier", "serial", "number", "uid"]) && !any(&["exposure"])
    {
        return Some(Kind::Device);
    }
    let found = words
        .iter()
        .find_map(|word| plain(word).filter(|kind| *kind != Kind::Address));
    if let Some(kind) = found {
        let counted = any(&[
            "count", "type", "status", "flag", "version", "cost", "amount", "months", "class",
            "months",
        ]);
        return (!counted).then_some(kind);
    }
    if any(&["address", "addr", "street", "addresses"]) {
        return Some(Kind::Address);
    }
    if any(&["insurance", "plan", "policy", "group"]) && any(&["id", "number", "no", "num"]) {
        return Some(Kind::HealthPlan);
    }
    if has("postal") || (has("zip") && has("code")) {
        return Some(Kind::Zip);
    }
    if has("age") && !any(&["group", "band", "type"]) {
        return Some(Kind::Age);
    }
    if any(&[
        "person",
        "patient",
        "subject",
        "encounter",
        "visit",
        "claim",
        "claims",
        "note",
        "appointment",
        "instance",
        "series",
        "study",
        "order",
        "specimen",
        "sample",
        "charge",
        "chargeid",
        "exposure",
        "occurrence",
        "measurement",
        "observation",
        "episode",
        "era",
        "death",
        "transaction",
        "referral",
        "prescription",
        "case",
    ]) && any(&["id", "number", "no", "num", "uid", "identifier"])
        && !any(&["type", "count", "quantity"])
    {
        return Some(Kind::OtherId);
    }
    if words.as_slice() == ["person", "source", "value"] {
        return Some(Kind::OtherId);
    }
    None
}

fn of_date(words: &[&str], things: bool) -> Option<Kind> {
    let has = |word: &str| words.contains(&word);
    let birth = words
        .iter()
        .any(|word| matches!(*word, "birth" | "death" | "born"));
    if birth
        && words.iter().any(|word| {
            matches!(
                *word,
                "date" | "datetime" | "year" | "month" | "day" | "time"
            )
        })
    {
        return Some(Kind::Date);
    }
    if birth && has("place") {
        return Some(Kind::City);
    }
    let dated = ["date", "datetime", "timestamp", "dt", "dttm"]
        .iter()
        .any(|word| has(word))
        || (words.last() == Some(&"at") && words.len() == 2)
        || (words.last() == Some(&"time") && words.len() > 1)
        || (has("year") && (has("start") || has("end")));
    let about_people = !things
        || [
            "plan",
            "drug",
            "procedure",
            "condition",
            "device",
            "observation",
            "specimen",
            "diagnosis",
            "medication",
            "test",
            "lab",
            "cohort",
        ]
        .iter()
        .any(|word| has(word));
    let of_vocabulary = has("valid") || has("release") || has("initiation");
    (dated && about_people && !of_vocabulary).then_some(Kind::Date)
}

fn of_path(words: &[String]) -> Option<Kind> {
    words.iter().rev().find_map(|word| plain(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_synthea_are_known() {
        let cases: &[(&str, Option<Kind>)] = &[
            ("Id", Some(Kind::OtherId)),
            ("BIRTHDATE", Some(Kind::Date)),
            ("DEATHDATE", Some(Kind::Date)),
            ("SSN", Some(Kind::Ssn)),
            ("DRIVERS", Some(Kind::License)),
            ("PASSPORT", Some(Kind::License)),
            ("PREFIX", Some(Kind::Name)),
            ("FIRST", Some(Kind::Name)),
            ("LAST", Some(Kind::Name)),
            ("SUFFIX", Some(Kind::Name)),
            ("MAIDEN", Some(Kind::Name)),
            ("MARITAL", None),
            ("RACE", None),
            ("GENDER", None),
            ("BIRTHPLACE", Some(Kind::City)),
            ("ADDRESS", Some(Kind::Address)),
            ("CITY", Some(Kind::City)),
            ("STATE", None),
            ("COUNTY", Some(Kind::City)),
            ("ZIP", Some(Kind::Zip)),
            ("LAT", Some(Kind::Geo)),
            ("LON", Some(Kind::Geo)),
            ("PHONE", Some(Kind::Phone)),
            ("NAME", Some(Kind::Name)),
            ("START", Some(Kind::Date)),
            ("STOP", Some(Kind::Date)),
            ("DATE", Some(Kind::Date)),
            ("PATIENT", Some(Kind::OtherId)),
            ("PATIENTID", Some(Kind::OtherId)),
            ("ENCOUNTER", Some(Kind::OtherId)),
            ("CODE", None),
            ("DESCRIPTION", None),
            ("REASONCODE", None),
            ("BASE_COST", None),
            ("UDI", Some(Kind::Device)),
            ("SERIES_UID", Some(Kind::OtherId)),
            ("MEMBERID", Some(Kind::HealthPlan)),
            ("MEMBER_MONTHS", None),
            ("OWNERNAME", Some(Kind::Name)),
            ("START_YEAR", Some(Kind::Date)),
            ("SERVICEDATE", Some(Kind::Date)),
            ("LASTBILLEDDATE1", Some(Kind::Date)),
            ("LASTBILLEDDATEP", Some(Kind::Date)),
            ("CURRENTILLNESSDATE", Some(Kind::Date)),
            ("PRIMARYPATIENTINSURANCEID", Some(Kind::HealthPlan)),
            ("APPOINTMENTID", Some(Kind::OtherId)),
            ("UNIQUE_CUSTOMERS", None),
            ("PROVIDER", None),
            ("PAYER", None),
        ];
        for (header, kind) in cases {
            assert_eq!(kind_of(header), *kind, "{header}");
        }
    }

    #[test]
    fn headers_of_omop_are_known() {
        let cases: &[(&str, Option<Kind>)] = &[
            ("person_id", Some(Kind::OtherId)),
            ("subject_id", Some(Kind::OtherId)),
            ("visit_occurrence_id", Some(Kind::OtherId)),
            ("person_source_value", Some(Kind::OtherId)),
            ("year_of_birth", Some(Kind::Date)),
            ("month_of_birth", Some(Kind::Date)),
            ("birth_datetime", Some(Kind::Date)),
            ("visit_start_date", Some(Kind::Date)),
            ("condition_era_start_date", Some(Kind::Date)),
            ("drug_exposure_start_datetime", Some(Kind::Date)),
            ("device_exposure_end_date", Some(Kind::Date)),
            ("observation_datetime", Some(Kind::Date)),
            ("cohort_start_date", Some(Kind::Date)),
            ("death_date", Some(Kind::Date)),
            ("payer_plan_period_start_date", Some(Kind::Date)),
            ("unique_device_id", Some(Kind::Device)),
            ("provider_name", Some(Kind::Name)),
            ("npi", Some(Kind::License)),
            ("dea", Some(Kind::License)),
            ("address_1", Some(Kind::Address)),
            ("city", Some(Kind::City)),
            ("zip", Some(Kind::Zip)),
            ("county", Some(Kind::City)),
            ("gender_concept_id", None),
            ("race_source_value", None),
            ("concept_name", None),
            ("domain_name", None),
            ("vocabulary_name", None),
            ("relationship_name", None),
            ("valid_start_date", None),
            ("cdm_release_date", None),
            ("source_release_date", None),
            ("note_text", None),
            ("days_supply", None),
            ("quantity", None),
        ];
        for (header, kind) in cases {
            assert_eq!(kind_of(header), *kind, "{header}");
        }
    }

    #[test]
    fn words_are_whole_and_paths_are_read_from_their_end() {
        let cases: &[(&str, Option<Kind>)] = &[
            ("public_key", None),
            ("image_count", None),
            ("percentage", None),
            ("emailAddress", Some(Kind::Email)),
            ("patientFirstName", Some(Kind::Name)),
            ("contact.phone.value", Some(Kind::Phone)),
            ("patient.name.family", Some(Kind::Name)),
            ("/patient/ssn", Some(Kind::Ssn)),
            ("ip_address", Some(Kind::Ip)),
            ("zip_code", Some(Kind::Zip)),
            ("medical_record_number", Some(Kind::Mrn)),
            ("file_name", None),
            ("drug_name", None),
            ("date_of_birth", Some(Kind::Date)),
            ("age_at_visit", Some(Kind::Age)),
            ("created_at", Some(Kind::Date)),
            ("", None),
            ("...", None),
        ];
        for (header, kind) in cases {
            assert_eq!(kind_of(header), *kind, "{header}");
        }
        assert!(is_code("REASONCODE") && is_code("gender_concept_id") && !is_code("zip_code"));
        assert!(is_code("REACTION1") && is_code("procedure_source_value"));
        assert!(!is_code("person_source_value"));
        assert!(is_birth("BIRTHDATE") && is_birth("year_of_birth") && !is_birth("visit_date"));
    }
}
