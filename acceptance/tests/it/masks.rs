//! Who sees what, end to end.

use lakeward_acceptance::World;
use lakeward_domain::Code;

async fn clinic() -> World {
    let world = World::new().await;
    world
        .users(&[
            ("eve", &["data_scientists"]),
            ("bob", &["billing"]),
            ("sam", &[]),
        ])
        .await;
    world
        .script(
            "CREATE TABLE silver_health_records (id BIGINT, ssn STRING, dx STRING);
             INSERT INTO silver_health_records VALUES
               (1, '123-45-6789', 'E11'), (2, '666-00-0001', 'B20'), (3, NULL, 'J45');
             GRANT SELECT ON TABLE silver_health_records TO GROUP data_scientists, GROUP billing;
             CREATE FUNCTION redact_ssn(ssn STRING)
               RETURN CASE WHEN is_member('data_scientists') THEN '***-**-****'
                           ELSE ssn END;
             ALTER TABLE silver_health_records
             ALTER COLUMN ssn SET MASKED WITH (FUNCTION redact_ssn(ssn));",
        )
        .await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seeds_statements_mask_for_the_named_group() {
    let world = clinic().await;
    let sql = "SELECT id, ssn FROM silver_health_records ORDER BY id";
    let masked = world.rows("eve", sql).await;
    assert_eq!(masked[0], ["1", "***-**-****"]);
    assert_eq!(masked[2], ["3", "***-**-****"]);
    let raw = world.rows("bob", sql).await;
    assert_eq!(raw[0], ["1", "123-45-6789"]);
    assert_eq!(raw[2], ["3", "NULL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_and_a_missing_table_get_the_same_answer() {
    let world = clinic().await;
    let hidden = world
        .outcome("sam", "SELECT * FROM silver_health_records")
        .await;
    let missing = world.outcome("sam", "SELECT * FROM no_such_table").await;
    assert_eq!(hidden, Err(Code::NotFound));
    assert_eq!(hidden, missing);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_a_reopen() {
    let mut world = clinic().await;
    let sql = "SELECT ssn, count(*) FROM silver_health_records GROUP BY ssn ORDER BY 1";
    let before = world.rows("bob", sql).await;
    world.reopen().await;
    assert_eq!(world.rows("bob", sql).await, before);
    assert_eq!(world.rows("eve", sql).await, [["***-**-****", "3"]]);
}
