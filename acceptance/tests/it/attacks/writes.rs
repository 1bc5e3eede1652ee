//! Attacks by writing: copies that lose their policies, dictionaries, affected rows, and names.

use lakeward_domain::Code;

use super::{
    observe::{both, leak, observe},
    twins::Twins,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_privileged_copy_is_protected_like_its_source() {
    let twins = Twins::new().await;
    // Made by root, who sees all, and then granted.
    let copies = [
        (
            "D54",
            "SELECT id, tenant, consent, ssn, name, note, charge FROM phi.patients",
        ),
        (
            "D54a",
            "SELECT id, tenant, consent, upper(ssn) AS ssn, name || 'x' AS name FROM phi.patients",
        ),
        ("D54b", "SELECT id, ssn, note FROM phi.patients"),
        (
            "D54c",
            "WITH c AS (SELECT * FROM phi.patients) SELECT id, tenant, consent, CASE WHEN ssn LIKE '6%' THEN 'y' ELSE 'n' END AS six FROM c",
        ),
        (
            "D54d",
            "SELECT tenant, consent, max(ssn) AS ssn, sum(charge) AS charge FROM phi.patients GROUP BY tenant, consent",
        ),
        (
            "D54e",
            "SELECT id, tenant, consent, lag(ssn) OVER (ORDER BY id) AS ssn, first_value(name) OVER (ORDER BY charge) AS name FROM phi.patients",
        ),
        (
            "D54f",
            "SELECT id, tenant, consent, name FROM phi.patients UNION ALL SELECT id, tenant, consent, ssn FROM phi.patients",
        ),
        (
            "D54g",
            "SELECT id, tenant, consent, (SELECT max(ssn) FROM phi.patients) AS ssn FROM phi.patients",
        ),
        (
            "D54h",
            "SELECT id, tenant, consent, payload['ssn'] AS ssn, named_struct('a', ssn) AS s, make_array(name, ssn) AS l FROM phi.patients",
        ),
        (
            "D54i",
            "SELECT id, tenant, consent, unnest(make_array(ssn, name)) AS ssn FROM phi.patients",
        ),
        (
            "D54j",
            "SELECT ssn AS id, tenant, consent, mrn AS ssn, dob AS mrn FROM phi.patients",
        ),
        (
            "D54k",
            "SELECT a.id, a.tenant, a.consent, b.ssn, b.charge FROM phi.patients a JOIN phi.patients b ON a.id = b.id",
        ),
        (
            "D55",
            "SELECT DISTINCT tenant, consent, ssn FROM (SELECT * FROM (SELECT p.*, 1 AS one FROM phi.patients p) q) r",
        ),
    ];
    let mut wrong = Vec::new();
    for (name, query) in copies {
        let table = format!("lab.copy_{}", name.to_lowercase());
        for world in [&twins.one, &twins.two] {
            world
                .script(&format!(
                    "CREATE TABLE {table} AS {query}; GRANT SELECT ON TABLE {table} TO GROUP researchers"
                ))
                .await;
        }
        for sql in [
            format!("SELECT * FROM {table}"),
            format!("SELECT count(*) FROM {table}"),
            format!("EXPLAIN ANALYZE SELECT * FROM {table}"),
        ] {
            if let Some(leak) = leak(&twins, "eve", &sql).await {
                wrong.push(format!("{name}: {leak}"));
            }
        }
        // A data steward, who has the UNMASK of the copy, sees that the copy holds what differs.
        for world in [&twins.one, &twins.two] {
            world
                .script(&format!("GRANT UNMASK ON TABLE {table} TO USER root"))
                .await;
        }
        let (one, two) = both(&twins, "root", &format!("SELECT * FROM {table}")).await;
        if one.same_as(&two) {
            wrong.push(format!(
                "{name}: the control sees no difference: {:?}",
                one.answer
            ));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_value_cannot_be_written_into_a_laxer_column() {
    let twins = Twins::new().await;
    let world = &twins.one;
    world
        .script(
            "CREATE TABLE lab.open (id BIGINT, text STRING);
             CREATE TABLE lab.filtered (id BIGINT, text STRING, tenant STRING, consent BOOLEAN)
               WITH ROW FILTER phi.own_rows ON (tenant, consent)",
        )
        .await;
    // By root, who sees the values raw.
    let refused = [
        (
            "D57",
            "INSERT INTO lab.open SELECT id, ssn FROM phi.patients",
        ),
        (
            "D57a",
            "INSERT INTO lab.open SELECT id, name || '' FROM phi.patients",
        ),
        (
            "D57b",
            "INSERT INTO lab.filtered SELECT id, substring(ssn, 1, 3), tenant, consent FROM phi.patients",
        ),
        (
            "D57c",
            "INSERT INTO lab.open SELECT id, dx FROM phi.patients",
        ),
        (
            "D57d",
            "INSERT OVERWRITE lab.filtered SELECT id, CAST(charge AS STRING), tenant, consent FROM phi.patients",
        ),
        (
            "D57e",
            "INSERT INTO lab.filtered SELECT 1, (SELECT max(ssn) FROM phi.patients), 'A', true",
        ),
        (
            "D57f",
            "INSERT INTO lab.filtered SELECT id, CASE WHEN ssn > '7' THEN 'a' END, tenant, consent FROM phi.patients",
        ),
    ];
    for (name, sql) in refused {
        assert_eq!(
            world.outcome("root", sql).await,
            Err(Code::Denied),
            "{name}: {sql}"
        );
    }
    // The control: what is not masked may go where a filter stands.
    world
        .rows(
            "root",
            "INSERT INTO lab.filtered SELECT id, dx, tenant, consent FROM phi.patients",
        )
        .await;
    assert_eq!(
        world.rows("root", "SELECT count(*) FROM lab.open").await,
        [["0"]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_tells_nothing_of_hidden_rows_and_cannot_leave_the_own_ones() {
    let twins = Twins::new().await;
    let cases = [
        (
            "D59",
            "DELETE FROM phi.patients WHERE ssn = '666-00-0001'",
            Some(Code::StatementNotAllowed),
        ),
        (
            "D35",
            "UPDATE phi.patients SET consent = true WHERE id = 77",
            Some(Code::StatementNotAllowed),
        ),
        (
            "D57",
            "UPDATE phi.patients SET note = ssn",
            Some(Code::StatementNotAllowed),
        ),
        (
            "D59a",
            "MERGE INTO phi.patients p USING lab.my_list l ON p.ssn = l.v WHEN MATCHED THEN DELETE",
            Some(Code::StatementNotAllowed),
        ),
        (
            "D59b",
            "TRUNCATE TABLE phi.patients",
            Some(Code::StatementNotAllowed),
        ),
        (
            "D60",
            "INSERT INTO phi.patients (id, ssn) VALUES (77, 'x')",
            Some(Code::ConstraintViolated),
        ),
        (
            "D61",
            "INSERT INTO phi.patients (id, tenant, consent) VALUES (77, 'A', true)",
            Some(Code::ConstraintViolated),
        ),
        (
            "D61a",
            "INSERT INTO phi.patients (id, ssn, dob, tenant, consent) VALUES (1, 'x', 'CANARY', 'A', true)",
            None,
        ),
        (
            "D64",
            "INSERT INTO phi.patients (id, ssn, tenant, consent) VALUES (5001, 'x', 'B', true)",
            Some(Code::ConstraintViolated),
        ),
        (
            "D64a",
            "INSERT INTO phi.patients (id, ssn, tenant, consent) VALUES (5002, 'x', 'A', NULL)",
            Some(Code::ConstraintViolated),
        ),
        (
            "D64b",
            "INSERT OVERWRITE phi.patients SELECT * FROM phi.patients",
            Some(Code::Denied),
        ),
        (
            "D65",
            "COPY (SELECT * FROM phi.patients) TO 'x.parquet'",
            Some(Code::StatementNotAllowed),
        ),
        (
            "D65a",
            "UNLOAD (SELECT * FROM phi.patients) TO 's3://x'",
            Some(Code::StatementNotAllowed),
        ),
        (
            "D65b",
            "SELECT * INTO lab.x FROM phi.patients",
            Some(Code::StatementNotAllowed),
        ),
        ("D67", "CREATE TABLE lab.c SHALLOW CLONE phi.patients", None),
        ("D67a", "CREATE TABLE lab.c LIKE phi.patients", None),
        ("D69", "RESTORE TABLE phi.patients TO VERSION 3", None),
        (
            "D70",
            "CREATE OR REPLACE TABLE phi.patients (id BIGINT)",
            Some(Code::Denied),
        ),
        (
            "D71",
            "CREATE INDEX i ON phi.patients (ssn)",
            Some(Code::StatementNotAllowed),
        ),
        (
            "D73",
            "CREATE FUNCTION lab.f() RETURNS TABLE RETURN SELECT * FROM phi.patients",
            None,
        ),
        (
            "D75",
            "CREATE TEMPORARY VIEW v AS SELECT * FROM phi.patients",
            Some(Code::StatementNotAllowed),
        ),
        (
            "D75a",
            "CREATE TEMPORARY TABLE v AS SELECT * FROM phi.patients",
            None,
        ),
        ("D75b", "CACHE TABLE v AS SELECT * FROM phi.patients", None),
        (
            "D76",
            "ALTER TABLE phi.patients DROP ROW FILTER",
            Some(Code::Denied),
        ),
        (
            "D76a",
            "ALTER TABLE phi.patients ALTER COLUMN ssn DROP MASK",
            Some(Code::Denied),
        ),
        (
            "D76b",
            "ALTER TABLE phi.patients ALTER COLUMN ssn UNSET TAGS ('phi')",
            Some(Code::Denied),
        ),
        (
            "D76c",
            "GRANT UNMASK ON TABLE phi.patients TO USER ed",
            Some(Code::Denied),
        ),
        (
            "D76d",
            "CREATE OR REPLACE FUNCTION phi.mask_ssn(ssn STRING) RETURN ssn",
            Some(Code::Denied),
        ),
        (
            "D76e",
            "INSERT INTO phi.patients SELECT * FROM phi.patients",
            Some(Code::Denied),
        ),
    ];
    let mut wrong = Vec::new();
    for (name, sql, code) in cases {
        for how in ["", "EXPLAIN "] {
            if let Some(leak) = leak(&twins, "ed", &format!("{how}{sql}")).await {
                wrong.push(format!("{name}: {leak}"));
            }
        }
        let seen = observe(&twins.one, "ed", sql).await;
        if seen.code().is_none() || code.is_some() && seen.code() != code {
            wrong.push(format!("{name}: expected {code:?}, got {:?}", seen.answer));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n\n"));
    // The control: an own row goes in, and the hidden ones are still there.
    let before = twins
        .one
        .rows("root", "SELECT count(*) FROM phi.patients")
        .await;
    twins
        .one
        .rows(
            "ed",
            "INSERT INTO phi.patients (id, ssn, tenant, consent) VALUES (5003, 'x', 'A', true)",
        )
        .await;
    let after = twins
        .one
        .rows("root", "SELECT count(*) FROM phi.patients")
        .await;
    assert_eq!(
        after[0][0].parse::<u64>().unwrap(),
        before[0][0].parse::<u64>().unwrap() + 1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_table_keeps_its_policies() {
    let twins = Twins::new().await;
    for world in [&twins.one, &twins.two] {
        world
            .script(
                "CREATE OR REPLACE TABLE phi.visits AS SELECT * FROM phi.visits;
                 CREATE OR REPLACE TABLE phi.patients AS SELECT * FROM phi.patients",
            )
            .await;
    }
    for table in ["phi.visits", "phi.patients"] {
        let sql = format!("SELECT * FROM {table}");
        assert_eq!(leak(&twins, "eve", &sql).await, None, "D70: {sql}");
        let (one, two) = both(&twins, "root", &sql).await;
        assert!(!one.same_as(&two), "the control sees the difference: {sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_a_dictionary_of_tokens() {
    let twins = Twins::new().await;
    let world = &twins.one;
    // B29: a token function or a token mask of one's own would be one.
    let own = [
        "CREATE FUNCTION lab.tok(x STRING) RETURN token('mrn', x)",
        "CREATE TABLE lab.dict (x STRING MASK phi.mask_mrn, y STRING)",
    ];
    for sql in own {
        let code = world.outcome("eve", sql).await.err();
        assert!(
            matches!(code, Some(Code::Denied | Code::NotFound)),
            "{sql}: {code:?}"
        );
    }
    // Whoever may write the column could try every value.
    world
        .rows("ed", "INSERT INTO phi.patients (id, ssn, mrn, tenant, consent) VALUES (6001, 'x', 'MRN00003', 'A', true)")
        .await;
    let ed = world
        .rows("ed", "SELECT count(mrn) FROM phi.patients")
        .await;
    assert_eq!(ed, [["0"]], "a writer reads no tokens");
    // A copy has the same mask, and its maker wrote it: also after giving the right away.
    world
        .rows(
            "eve",
            "CREATE TABLE lab.mine AS SELECT id, mrn, tenant, consent FROM phi.patients",
        )
        .await;
    let _ = world
        .outcome(
            "eve",
            "INSERT INTO lab.mine VALUES (1, 'MRN00003', 'A', true)",
        )
        .await;
    let _ = world
        .outcome("eve", "REVOKE MODIFY ON TABLE lab.mine FROM USER eve")
        .await;
    let _ = world
        .outcome("eve", "REVOKE MANAGE ON TABLE lab.mine FROM USER eve")
        .await;
    assert_eq!(
        world.rows("eve", "SELECT count(mrn) FROM lab.mine").await,
        [["0"]]
    );
    // The control: a reader who writes nothing has tokens that join.
    let tokens = world
        .rows(
            "eve",
            "SELECT count(mrn), count(DISTINCT mrn) FROM phi.patients",
        )
        .await;
    assert_eq!(tokens, [["31", "30"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_and_what_is_missing_answer_alike() {
    let twins = Twins::new().await;
    let world = &twins.one;
    // `%` is something that is there and that the user may not see, or something that is not.
    let cases: &[(&str, &str, &str, &str)] = &[
        ("eve", "SELECT * FROM phi.%", "secret", "nosuch"),
        ("eve", "EXPLAIN SELECT * FROM phi.%", "secret", "nosuch"),
        (
            "eve",
            "EXPLAIN POLICY SELECT * FROM phi.%",
            "secret",
            "nosuch",
        ),
        ("eve", "SELECT x FROM phi.% WHERE y > 1", "secret", "nosuch"),
        (
            "eve",
            "SELECT nosuch FROM phi.patients JOIN phi.% USING (id)",
            "secret",
            "nosuch",
        ),
        ("eve", "INSERT INTO phi.% VALUES (1)", "secret", "nosuch"),
        ("eve", "INSERT OVERWRITE phi.% SELECT 1", "secret", "nosuch"),
        ("eve", "DESCRIBE phi.%", "secret", "nosuch"),
        ("eve", "CREATE TABLE phi.% (a INT)", "secret", "nosuch"),
        (
            "eve",
            "CREATE TABLE IF NOT EXISTS phi.% (a INT)",
            "secret",
            "nosuch",
        ),
        (
            "eve",
            "CREATE OR REPLACE TABLE phi.% (a INT)",
            "secret",
            "nosuch",
        ),
        (
            "eve",
            "CREATE TABLE phi.% AS SELECT 1 AS a",
            "secret",
            "nosuch",
        ),
        ("eve", "DROP TABLE phi.%", "secret", "nosuch"),
        ("eve", "DROP TABLE IF EXISTS phi.%", "secret", "nosuch"),
        ("eve", "COMMENT ON TABLE phi.% IS 'x'", "secret", "nosuch"),
        (
            "eve",
            "COMMENT ON COLUMN phi.%.id IS 'x'",
            "secret",
            "nosuch",
        ),
        (
            "eve",
            "ALTER TABLE phi.% ALTER COLUMN id SET MASK phi.mask_ssn",
            "secret",
            "nosuch",
        ),
        (
            "eve",
            "ALTER TABLE phi.% ALTER COLUMN id DROP MASK",
            "secret",
            "nosuch",
        ),
        (
            "eve",
            "ALTER TABLE phi.% SET ROW FILTER phi.own_tenant ON (id)",
            "secret",
            "nosuch",
        ),
        (
            "eve",
            "ALTER TABLE phi.% DROP ROW FILTER",
            "secret",
            "nosuch",
        ),
        (
            "eve",
            "ALTER TABLE phi.% SET TAGS ('a' = 'b')",
            "secret",
            "nosuch",
        ),
        (
            "eve",
            "GRANT SELECT ON TABLE phi.% TO USER eve",
            "secret",
            "nosuch",
        ),
        ("eve", "SHOW GRANTS ON TABLE phi.%", "secret", "nosuch"),
        ("eve", "SHOW POLICIES ON phi.%", "secret", "nosuch"),
        ("eve", "SHOW GRANTS TO USER %", "root", "nosuch"),
        ("eve", "SHOW GRANTS TO GROUP %", "billing", "nosuch"),
        (
            "eve",
            "GRANT SELECT ON TABLE phi.patients TO USER %",
            "root",
            "nosuch",
        ),
        ("eve", "DROP FUNCTION phi.%", "mask_ssn", "nosuch"),
        ("eve", "DROP FUNCTION IF EXISTS phi.%", "mask_ssn", "nosuch"),
        ("eve", "DESCRIBE FUNCTION phi.%", "mask_ssn", "nosuch"),
        ("eve", "SHOW GRANTS ON FUNCTION phi.%", "mask_ssn", "nosuch"),
        (
            "eve",
            "GRANT EXECUTE ON FUNCTION phi.% TO USER eve",
            "mask_ssn",
            "nosuch",
        ),
        (
            "eve",
            "CREATE FUNCTION phi.%(ssn STRING) RETURN ssn",
            "mask_ssn",
            "nosuch",
        ),
        (
            "eve",
            "CREATE TABLE lab.t (x STRING MASK phi.%)",
            "mask_ssn",
            "nosuch",
        ),
        (
            "eve",
            "CREATE TABLE lab.t (x STRING, y BOOLEAN) WITH ROW FILTER phi.% ON (x)",
            "own_tenant",
            "nosuch",
        ),
        ("sam", "CREATE TABLE %.t (a INT)", "phi", "nosuch"),
        (
            "sam",
            "CREATE FUNCTION %.f(a INT) RETURN a",
            "phi",
            "nosuch",
        ),
        ("sam", "DROP SCHEMA %", "phi", "nosuch"),
        ("sam", "DROP SCHEMA IF EXISTS %", "phi", "nosuch"),
        ("sam", "COMMENT ON SCHEMA % IS 'x'", "phi", "nosuch"),
        ("sam", "SHOW TABLES IN %", "phi", "nosuch"),
        (
            "sam",
            "ALTER SCHEMA % SET TAGS ('a' = 'b')",
            "phi",
            "nosuch",
        ),
        (
            "sam",
            "GRANT USAGE ON SCHEMA % TO USER sam",
            "phi",
            "nosuch",
        ),
        ("sam", "SELECT * FROM %.patients", "phi", "nosuch"),
        ("sam", "DESCRIBE %.patients", "phi", "nosuch"),
    ];
    let mut wrong = Vec::new();
    for (user, sql, hidden, missing) in cases {
        let hidden = observe(world, user, &sql.replace('%', hidden)).await;
        let missing = observe(world, user, &sql.replace('%', missing)).await;
        if hidden.answer != missing.answer || hidden.said != missing.said {
            wrong.push(format!(
                "F90 {user}: {sql}\n  {:?} {}\n  {:?} {}",
                hidden.answer, hidden.said, missing.answer, missing.said
            ));
        }
    }
    // The control: root is told the difference.
    let there = observe(world, "root", "SELECT * FROM phi.secret").await;
    assert_ne!(
        there.answer,
        observe(world, "root", "SELECT * FROM phi.nosuch")
            .await
            .answer
    );
    assert!(
        wrong.is_empty(),
        "{} of {}\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}
