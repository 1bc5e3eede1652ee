//! Masked means undecryptable: a constant mask's column is not read, and its key is not unwrapped.

use lakeward_acceptance::World;
use lakeward_audit::Event;

use super::twins::Twins;

/// The columns whose keys a statement had, by name, as its last ledger entry says.
async fn released(world: &World, user: &str, sql: &str) -> Vec<String> {
    let mut session = world.session(user).await;
    let answer = session.run(sql).await.unwrap();
    let query = answer.query();
    answer.collect().await.unwrap();
    let engine = &world.lake().engine;
    let entries = engine.ledger().entries(0..engine.ledger().size()).unwrap();
    let keys = entries
        .iter()
        .filter(|(_, entry)| entry.query == Some(query))
        .find_map(|(_, entry)| match &entry.event {
            Event::Finished { keys_released, .. } => Some(keys_released.clone()),
            _ => None,
        })
        .unwrap();
    let state = engine.state();
    let mut names: Vec<String> = state
        .tables()
        .flat_map(|table| &table.columns)
        .filter(|column| {
            keys.iter()
                .any(|key| key.starts_with(&column.id.to_string()))
        })
        .map(|column| column.name.to_string())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_constant_mask_releases_no_key_of_its_column() {
    let twins = Twins::new().await;
    let world = &twins.one;
    // The partition column has no key: its value stands in the sealed log.
    let cases: [(&str, &[&str], &[&str]); 8] = [
        ("SELECT ssn FROM phi.patients", &["consent"], &["ssn"]),
        (
            "SELECT ssn, name, charge, payload FROM phi.patients WHERE ssn LIKE '6%' OR charge > 5",
            &["consent"],
            &["charge", "name", "payload", "ssn"],
        ),
        ("SELECT count(*) FROM phi.patients", &["consent"], &[]),
        (
            "SELECT id FROM phi.patients WHERE name IS NULL",
            &["consent", "id"],
            &["id", "name"],
        ),
        (
            "SELECT id FROM phi.patients ORDER BY ssn, charge",
            &["consent", "id"],
            &["charge", "id", "ssn"],
        ),
        (
            "SELECT mrn, zip, dob FROM phi.patients",
            &["consent", "dob", "mrn", "zip"],
            &["dob", "mrn", "zip"],
        ),
        (
            "SELECT a.id FROM phi.patients a JOIN phi.patients b ON a.ssn = b.ssn AND a.charge = b.charge",
            &["consent", "id"],
            &["charge", "id", "ssn"],
        ),
        (
            "SELECT payload['ssn'] FROM phi.patients",
            &["consent"],
            &["payload"],
        ),
    ];
    for (sql, eve, root) in cases {
        assert_eq!(released(world, "eve", sql).await, eve, "eve: {sql}");
        assert_eq!(
            released(world, "root", sql).await,
            root,
            "root, the control: {sql}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_service_is_not_asked_for_a_masked_class() {
    let mut twins = Twins::new().await;
    // SSNs are tagged, so they have a KEK of their own. Freshly opened, nothing is unwrapped yet.
    twins.one.reopen().await;
    let before = twins.one.lake().kms.unwraps();
    let sql = "SELECT id, ssn, name FROM phi.patients";
    twins.one.rows("eve", sql).await;
    let for_eve = twins.one.lake().kms.unwraps() - before;
    twins.one.rows("eve", sql).await;
    assert_eq!(
        twins.one.lake().kms.unwraps() - before,
        for_eve,
        "the second time it is cached"
    );
    twins.one.rows("root", sql).await;
    let for_root = twins.one.lake().kms.unwraps() - before - for_eve;
    assert!(
        for_root >= 1,
        "the control: raw SSNs need one key more, eve needed {for_eve}"
    );
}
