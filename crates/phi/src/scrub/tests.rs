use std::sync::Arc;

use lakeward_domain::TokenKey;

use super::*;

/// Not a keyed hash: shows the input, so that tests see what would be hashed.
#[derive(Debug)]
struct Shown(u8);

impl TokenKey for Shown {
    fn token(&self, normalised: &[u8]) -> [u8; 32] {
        let mut token = [self.0; 32];
        for (to, from) in token.iter_mut().zip(normalised) {
            *to = *from;
        }
        token
    }
}

fn keys(domain: &str) -> Arc<dyn TokenKey> {
    Arc::new(Shown(u8::try_from(domain.len()).unwrap()))
}

fn day() -> CivilDate {
    CivilDate::new(2024, 6, 1).unwrap()
}

fn hint(name: &str) -> ColumnHint {
    ColumnHint {
        name: name.to_owned(),
        ..ColumnHint::default()
    }
}

fn plan(policy: &str, columns: &[&str]) -> Vec<(String, &'static str)> {
    let hints: Vec<ColumnHint> = columns.iter().map(|name| hint(name)).collect();
    let policy = ScrubPolicy::builtin(policy).unwrap().counted_at(day());
    policy
        .plan(&hints)
        .unwrap()
        .into_iter()
        .map(|plan| (plan.name, plan.action.as_str()))
        .collect()
}

#[test]
fn the_built_in_packs_load() {
    for name in ScrubPolicy::BUILTIN {
        let policy = ScrubPolicy::from_toml(ScrubPolicy::builtin_text(name).unwrap()).unwrap();
        assert_eq!(policy.name(), *name);
        assert!(policy.statement().starts_with("transformed per policy"));
    }
    assert!(ScrubPolicy::builtin("other").is_none());
}

#[test]
fn safe_harbor_removes_what_the_rule_names_and_quarantines_what_nobody_knows() {
    for (column, action) in [
        ("SSN", "drop"),
        ("FIRST", "drop"),
        ("Id", "drop"),
        ("PATIENT", "drop"),
        ("BIRTHDATE", "year"),
        ("ZIP", "zip3"),
        ("zip_code", "zip3"),
        ("age", "age_cap"),
        ("COUNTY", "drop"),
        ("STATE", "keep"),
        ("GENDER", "keep"),
        ("REASONCODE", "keep"),
        ("DESCRIPTION", "keep"),
        ("gender_concept_id", "keep"),
        ("condition_start_date", "year"),
        ("PROVIDER", "drop"),
        ("month_of_birth", "drop"),
        ("frobnication", "quarantine"),
    ] {
        assert_eq!(
            plan("safe_harbor", &[column]),
            [(column.to_owned(), action)]
        );
    }
}

#[test]
fn a_limited_data_set_keeps_dates_cities_and_zips() {
    for (column, action) in [
        ("SSN", "drop"),
        ("ADDRESS", "drop"),
        ("CITY", "keep"),
        ("ZIP", "keep"),
        ("BIRTHDATE", "keep"),
        ("age", "keep"),
        ("LAT", "drop"),
        ("PATIENT", "token"),
        ("frobnication", "quarantine"),
    ] {
        assert_eq!(
            plan("limited_data_set", &[column]),
            [(column.to_owned(), action)]
        );
    }
}

#[test]
fn internal_keeps_everything_and_tags_what_it_recognises() {
    let policy = ScrubPolicy::builtin("internal").unwrap();
    let mut notes = hint("remarks");
    notes.free_text = true;
    let mut learned = hint("col17");
    learned.verdict = Some(Kind::Ssn);
    let plans = policy
        .plan(&[hint("SSN"), hint("frobnication"), notes, learned])
        .unwrap();
    let tags: Vec<Option<&str>> = plans
        .iter()
        .map(|plan| plan.tags.get("phi").map(String::as_str))
        .collect();
    assert!(plans.iter().all(|plan| plan.action == Transform::Keep));
    assert_eq!(tags, [Some("ssn"), None, Some("free_text"), Some("ssn")]);
}

#[test]
fn a_kept_text_is_searched_where_the_claim_removes_identifiers() {
    let policy = ScrubPolicy::builtin("safe_harbor").unwrap();
    let mut notes = hint("note_text");
    notes.free_text = true;
    let mut odd = hint("description");
    odd.verdict = Some(Kind::Name);
    let mut number = hint("quantity");
    number.data_type = Some(LogicalType::Int);
    number.verdict = Some(Kind::Ssn);
    let plans = policy.plan(&[notes, odd, number]).unwrap();
    let actions: Vec<&str> = plans.iter().map(|plan| plan.action.as_str()).collect();
    assert_eq!(actions, ["scrub_text", "scrub_text", "keep"]);
}

#[test]
fn a_policy_that_contradicts_its_claim_does_not_load() {
    let head = |claim: &str| format!("format = 1\nname = \"x\"\nclaim = \"{claim}\"\n");
    for (claim, rest, refused) in [
        ("safe_harbor", "[kinds]\nmrn = { token = \"mrn\" }", true),
        ("safe_harbor", "[kinds]\nssn = \"keep\"", true),
        ("safe_harbor", "[kinds]\nssn = \"show_last_4\"", true),
        (
            "safe_harbor",
            "[[column]]\nname = \"ssn\"\naction = \"keep\"",
            true,
        ),
        (
            "safe_harbor",
            "[[column]]\nname = \"whatever\"\naction = { token = \"t\" }",
            true,
        ),
        ("safe_harbor", "unknown = \"keep\"", true),
        ("safe_harbor", "free_text = [\"ssn\"]", true),
        ("safe_harbor", "[kinds]\nname = \"year\"", true),
        ("safe_harbor", "[kinds]\nssn = \"drop\"", false),
        (
            "limited_data_set",
            "[kinds]\nssn = { token = \"ssn\" }",
            true,
        ),
        ("limited_data_set", "[kinds]\ndate = \"keep\"", false),
        (
            "internal_pseudonymised",
            "[kinds]\nssn = { token = \"ssn\" }",
            false,
        ),
        (
            "internal_pseudonymised",
            "[kinds]\nssn = { token = \"S S N\" }",
            true,
        ),
        ("internal_pseudonymised", "as_of = \"soon\"", true),
        ("internal_pseudonymised", "colour = \"red\"", true),
        ("hipaa_compliant", "", true),
    ] {
        let text = format!("{}{rest}\n", head(claim));
        let result = ScrubPolicy::from_toml(&text);
        assert_eq!(result.is_err(), refused, "{text}");
        if let Err(error) = result {
            assert_eq!(error.code(), lakeward_domain::Code::ScrubInvalid);
            assert!(!error.to_string().contains('\n'));
        }
    }
    let newer = head("safe_harbor").replace("format = 1", "format = 2");
    assert_eq!(
        ScrubPolicy::from_toml(&newer).unwrap_err(),
        crate::Error::Format { found: 2, known: 1 }
    );
}

#[test]
fn a_rule_of_the_site_finds_and_its_examples_are_tried_at_load() {
    let text = |example: &str| {
        format!(
            "format = 1\nname = \"x\"\nclaim = \"internal_pseudonymised\"\n[[rule]]\nid = \"lk\"\nkind = \"mrn\"\n\
             pattern = 'LK\\d{{6}}'\nkeywords = [\"lakeside\"]\nmatch = [\"{example}\"]\nno_match = [\"LK123456\"]\n"
        )
    };
    let policy = ScrubPolicy::from_toml(&text("lakeside LK123456")).unwrap();
    let (scrubbed, counts) = scrub_text(policy.detector(), "at Lakeside LK654321 today", None);
    assert_eq!(
        (scrubbed.as_ref(), counts),
        ("at Lakeside [MRN] today", vec![(Kind::Mrn, 1)])
    );
    assert!(ScrubPolicy::from_toml(&text("lakeside 123456")).is_err());
}

#[test]
fn transforms_do_what_their_names_say() {
    let year = Transform::Year { as_of: day() };
    let token = |kind| Transform::Token {
        domain: "mrn".to_owned(),
        kind,
    };
    let changed = |text: &str| Applied::Changed(text.to_owned());
    for (transform, value, expected) in [
        (Transform::Keep, "x", Applied::Kept),
        (Transform::Drop, "x", Applied::Null),
        (Transform::Null, "x", Applied::Null),
        (Transform::Redact("[X]".to_owned()), "x", changed("[X]")),
        (Transform::Constant("c".to_owned()), "x", changed("c")),
        (year.clone(), "2014-10-06", changed("2014")),
        (year.clone(), "1930-10-06", Applied::Null),
        (year.clone(), "soon", Applied::Failed("not a date")),
        (year, " ", Applied::Null),
        (
            Transform::Zip3(zip3::Table::Strict),
            "02155",
            changed("021"),
        ),
        (
            Transform::Zip3(zip3::Table::Strict),
            "03601",
            changed("000"),
        ),
        (Transform::AgeCap, "89", Applied::Kept),
        (Transform::AgeCap, "90", changed("90+")),
        (Transform::AgeCap, "104.5", changed("90+")),
        (Transform::AgeCap, "old", Applied::Failed("not an age")),
        (Transform::ShowLast4, "402-19-8877", changed("nnn-nn-8877")),
        (
            Transform::Quarantine,
            "x",
            Applied::Failed("the policy does not know the column"),
        ),
        (
            token(Some(Kind::Mrn)),
            "AB-12",
            changed("61623132030303030303030303030303"),
        ),
        (
            token(Some(Kind::Mrn)),
            "ab12",
            changed("61623132030303030303030303030303"),
        ),
        (
            token(None),
            "--- ",
            changed("2d2d2d03030303030303030303030303"),
        ),
        (token(Some(Kind::Mrn)), "---", Applied::Null),
        (Transform::ScrubText(KindSet::ALL), "nothing", Applied::Kept),
        (
            Transform::ScrubText(KindSet::ALL),
            "SSN 402-19-8877",
            changed("SSN [SSN]"),
        ),
        (
            Transform::ScrubText(KindSet::NONE),
            "SSN 402-19-8877",
            Applied::Kept,
        ),
    ] {
        assert_eq!(
            apply(&transform, value, &keys),
            expected,
            "{transform:?} {value}"
        );
    }
}

#[test]
fn a_column_is_judged_by_most_of_its_values() {
    let detector = Detector::new();
    for (column, values, kind, free_text) in [
        (
            "c1",
            &["402-19-8877", "403-19-8877", "404-19-8877"][..],
            Some(Kind::Ssn),
            false,
        ),
        (
            "code",
            &["195662009", "430193006", "402198877"],
            None,
            false,
        ),
        ("c2", &["402-19-8877", "blue", "green", "red"], None, true),
        (
            "c3",
            &[
                "Ann Lee was seen today at the clinic",
                "no complaints at all since then",
            ],
            None,
            true,
        ),
        ("c4", &["male", "female", ""], None, false),
        ("c5", &[], None, false),
    ] {
        let mut sampler = Sampler::new(&detector, column);
        for value in values {
            sampler.observe(value);
        }
        let verdict = sampler.verdict();
        assert_eq!(
            (verdict.kind, verdict.free_text),
            (kind, free_text),
            "{column}"
        );
    }
}

#[test]
fn patterns_match_runs_of_any_characters() {
    for (pattern, text, fits) in [
        ("*_id", "person_ID", true),
        ("*_id", "person_idx", false),
        ("a*b*c", "aXbYbc", true),
        ("*", "", true),
        ("", "", true),
        ("", "x", false),
    ] {
        assert_eq!(
            plan::glob(pattern.as_bytes(), text.as_bytes()),
            fits,
            "{pattern} {text}"
        );
    }
}
