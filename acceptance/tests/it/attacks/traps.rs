//! Traps of the design that a reader with partial keys could fall into, or dig.

use lakeward_domain::Code;

use super::{
    observe::{both, leak, observe},
    twins::Twins,
};

#[tokio::test(flavor = "multi_thread")]
async fn footers_that_were_read_with_all_keys_open_nothing_for_eve() {
    let twins = Twins::new().await;
    // Traps 5 and 6: footers and page indexes are cached per key set; a predicate over a column
    // whose key is refused neither fails nor prunes.
    let statements = [
        "SELECT * FROM phi.patients WHERE ssn > '0' AND id > 20 ORDER BY id",
        "SELECT id FROM phi.patients WHERE charge IS NULL AND id BETWEEN 20 AND 90 ORDER BY id",
        "SELECT count(*) FROM phi.patients WHERE name IS NULL AND dx = 'E11'",
    ];
    let world = &twins.one;
    let mut before = Vec::new();
    for sql in statements {
        before.push(observe(world, "eve", sql).await);
    }
    for sql in statements {
        observe(world, "root", sql)
            .await
            .answer
            .expect("root reads all");
    }
    world.rows("root", "SELECT * FROM phi.patients").await;
    for (sql, before) in statements.iter().zip(before) {
        let after = observe(world, "eve", sql).await;
        assert!(after.answer.is_ok(), "{sql}: {:?}", after.answer);
        assert!(
            after.same_as(&before),
            "{sql}\n{}\n{}",
            before.text(),
            after.text()
        );
        assert_eq!(leak(&twins, "eve", sql).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_of_raw_values_prune_nothing_of_a_masked_column() {
    let twins = Twins::new().await;
    let world = &twins.one;
    // Trap 7: no raw birthday is a first of January, no raw SSN is stars, no raw charge is NULL.
    let all = world.rows("eve", "SELECT count(*) FROM phi.patients").await;
    for predicate in [
        "dob = date_trunc('year', dob)",
        "ssn = '***-**-****'",
        "charge IS NULL",
        "length(zip) = 3",
        "zip = '021'",
    ] {
        let sql = format!(
            "SELECT count(*) FROM phi.patients WHERE {predicate} AND tenant = 'A' AND consent"
        );
        assert_eq!(world.rows("eve", &sql).await, all, "{predicate}");
        assert_eq!(
            world.rows("root", &sql).await,
            [["0"]],
            "the control: {predicate}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_option_of_a_session_moves_the_barrier_or_the_spill() {
    let twins = Twins::new().await;
    // Trap 8.
    for sql in [
        "SET datafusion.runtime.temp_directory = '/tmp'",
        "SET datafusion.runtime.memory_limit = '1K'",
        "RESET datafusion.runtime.temp_directory",
        "SET datafusion.execution.parquet.pushdown_filters = true",
        "SET datafusion.execution.parquet.reorder_filters = true",
        "SET datafusion.execution.target_partitions = 64",
        "SET datafusion.execution.collect_statistics = true",
        "SET datafusion.explain.show_statistics = true",
        "SET datafusion.optimizer.enable_dynamic_filter_pushdown = false",
        "SET datafusion.sql_parser.dialect = 'mysql'",
        "SET spark.sql.optimizer.excludedRules = 'x'",
        "SET app.tenant_id = 'B'",
        "SET search_path = 'lab'",
        "SET SESSION AUTHORIZATION root",
        "RESET ALL",
    ] {
        for user in ["eve", "root"] {
            let seen = observe(&twins.one, user, sql).await;
            let refused = [Some(Code::StatementNotAllowed), Some(Code::SyntaxError)];
            assert!(
                refused.contains(&seen.code()),
                "{user}: {sql}: {:?}",
                seen.answer
            );
        }
    }
    // The control: what is on the list works, and changes no policy.
    let mut eve = twins.one.session("eve").await;
    let sql = "SELECT id, dob FROM phi.patients ORDER BY id";
    let before = lakeward_acceptance::world::rows(&mut eve, sql).await;
    for zone in ["Pacific/Kiritimati", "America/Adak"] {
        lakeward_acceptance::world::rows(&mut eve, &format!("SET time zone '{zone}'")).await;
        assert_eq!(
            lakeward_acceptance::world::rows(&mut eve, sql).await,
            before,
            "{zone}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_error_quotes_a_cell_even_to_those_who_may_see_it() {
    let twins = Twins::new().await;
    // Trap 13: Arrow and DataFusion would say which text cannot be cast.
    for sql in [
        "SELECT CAST(ssn AS INT) FROM phi.patients",
        "SELECT CAST(name AS DATE) FROM phi.patients",
        "SELECT CAST(note AS DOUBLE) FROM phi.patients",
        "SELECT CAST(payload['addr'] AS TIMESTAMP) FROM phi.patients",
        "SELECT to_timestamp(hiv) FROM phi.patients",
        "SELECT arrow_cast(mrn, 'Decimal128(5, 1)') FROM phi.patients",
        "SELECT CAST(charge * 1000000 AS TINYINT) FROM phi.patients",
        "SELECT date_trunc(name, dob) FROM phi.patients",
        "SELECT regexp_like(note, name || '(') FROM phi.patients",
        "SELECT 1 / CAST(charge - 31337.13 AS BIGINT) FROM phi.patients",
    ] {
        let (one, _) = both(&twins, "root", sql).await;
        let Err((code, cause)) = &one.answer else {
            panic!("{sql} has an answer")
        };
        let known = [Code::ExecutionError, Code::PlanError];
        assert!(known.contains(code), "{sql}: {code:?} {cause}");
        assert_eq!(one.canaries(sql), Vec::<&str>::new(), "{sql}: {cause}");
        assert!(
            !cause.contains("MRN") && !cause.contains("visible"),
            "{sql}: {cause}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_branch_of_eves_plans_ends_in_a_barrier() {
    let twins = Twins::new().await;
    // Trap 15: below every exchange, join, sort and aggregate, so that nothing raw is ever spilled.
    for sql in [
        "SELECT a.ssn, count(*) FROM phi.patients a JOIN phi.patients b ON a.mrn = b.mrn GROUP BY a.ssn ORDER BY 1",
        "SELECT ssn, sum(id) OVER (PARTITION BY name ORDER BY charge) FROM phi.patients ORDER BY ssn LIMIT 3",
        "SELECT id FROM phi.patients WHERE id IN (SELECT patient FROM phi.visits) UNION SELECT max(id) FROM phi.visits",
        "SELECT (SELECT max(ssn) FROM phi.patients), id FROM phi.visits WHERE cost > (SELECT min(id) FROM phi.patients)",
    ] {
        let plan = twins.one.rows("eve", &format!("EXPLAIN {sql}")).await;
        let lines: Vec<&String> = plan.iter().map(|row| &row[0]).collect();
        let depth = |line: &str| line.len() - line.trim_start().len();
        for (at, line) in lines.iter().enumerate() {
            let leaf = lines
                .get(at + 1)
                .is_none_or(|next| depth(next) <= depth(line));
            assert!(
                !leaf || line.trim_start().starts_with("PolicyBarrier"),
                "{sql}: {line}"
            );
        }
        let root = twins.one.rows("root", &format!("EXPLAIN {sql}")).await;
        assert!(
            root.iter().any(|row| row[0].contains("EncryptedScan")),
            "the control: root reads without a barrier: {root:?}"
        );
    }
}
