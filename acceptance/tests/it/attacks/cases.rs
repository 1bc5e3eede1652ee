//! Reading attacks, one row each: in both worlds eve must see the same, and no hidden string.

use lakeward_domain::Code;

use super::{
    observe::{both, leak},
    twins::Twins,
};

/// Who shows that there is something to leak.
#[derive(Debug, Clone, Copy)]
enum Control {
    /// The same statement tells the two worlds apart for somebody who sees all.
    Root,
    /// This one does: the statement itself asks for something that nobody gets.
    RootAsks(&'static str),
    /// Nothing to control: everybody is refused alike.
    Refused,
}
use Control::{Refused, Root, RootAsks};

/// What eve gets.
#[derive(Debug, Clone, Copy)]
enum Gets {
    Rows,
    Fails(Code),
}
use Gets::{Fails, Rows};

struct Case {
    name: &'static str,
    sql: &'static str,
    gets: Gets,
    control: Control,
}

const fn case(name: &'static str, sql: &'static str, gets: Gets, control: Control) -> Case {
    Case {
        name,
        sql,
        gets,
        control,
    }
}

const EVALUATION: &[Case] = &[
    case(
        "A1 BE",
        "SELECT 1 FROM phi.patients WHERE CAST(ssn AS BIGINT) > 0",
        Fails(Code::ExecutionError),
        Root,
    ),
    case(
        "A2 BSE",
        "SELECT 1 / (charge - 31337.13) FROM phi.patients WHERE dx = 'B20' OR id = 50",
        Rows,
        Root,
    ),
    case(
        "A3 B",
        "SELECT count(*) FROM phi.patients WHERE 1 / (id - 77) > 0",
        Rows,
        Root,
    ),
    case(
        "A3a B",
        "SELECT count(*) FROM phi.patients WHERE id > 0 AND 1 / (id - 77) > -5",
        Rows,
        Root,
    ),
    case(
        "A4 B",
        "SELECT id FROM phi.patients WHERE tenant = 'A' AND CAST(hiv AS INT) >= 0 ORDER BY id",
        Rows,
        RootAsks("SELECT id FROM phi.patients WHERE CAST(hiv AS INT) >= 0"),
    ),
    case(
        "A4a B",
        "SELECT id FROM phi.patients WHERE consent AND CAST(note AS DATE) > DATE '2020-01-01'",
        Fails(Code::ExecutionError),
        RootAsks("SELECT id, note FROM phi.patients"),
    ),
    case(
        "A6 B",
        "CREATE FUNCTION lab.leak(t STRING) RETURN CAST(t AS INT) > 0",
        Fails(Code::PolicyNotTotal),
        Refused,
    ),
    case(
        "A9 B",
        "SELECT (SELECT id FROM phi.patients WHERE dx = 'B20')",
        Rows,
        Root,
    ),
    case(
        "A9a B",
        "SELECT id FROM phi.visits WHERE patient = (SELECT id FROM phi.patients WHERE dx = 'B20') ORDER BY id",
        Rows,
        Root,
    ),
    case(
        "A10 B",
        "SELECT id FROM phi.patients ORDER BY charge, id LIMIT 1",
        Rows,
        Root,
    ),
    case(
        "A10a B",
        "SELECT id, dx FROM phi.patients ORDER BY id LIMIT 3 OFFSET 27",
        Rows,
        Root,
    ),
    case(
        "A10b B",
        "SELECT count(*) FROM (SELECT id FROM phi.patients LIMIT 29)",
        Rows,
        RootAsks("SELECT count(*) FROM (SELECT id FROM phi.patients LIMIT 100)"),
    ),
    case(
        "A12 S",
        "SELECT TRY_CAST(ssn AS BIGINT) IS NULL, nullif(charge, 31337.13) IS NULL FROM phi.patients",
        Rows,
        Root,
    ),
    case(
        "A15 B",
        "SELECT id FROM phi.patients WHERE dob BETWEEN '1901-01-01' AND '1955-06-01' ORDER BY id",
        Rows,
        Root,
    ),
    case(
        "A15a B",
        "SELECT id FROM phi.patients WHERE id = '77'",
        Rows,
        Root,
    ),
    case(
        "A16 BS",
        "PREPARE p AS SELECT 1 / ($1 - charge) FROM phi.patients",
        Fails(Code::StatementNotAllowed),
        Refused,
    ),
    case(
        "A16a BS",
        "EXECUTE p(31337.13)",
        Fails(Code::StatementNotAllowed),
        Refused,
    ),
    case(
        "A18 E",
        "SELECT * FROM phi.patients WHERE ssn = 666-00-0001x",
        Fails(Code::SyntaxError),
        Refused,
    ),
    case(
        "A18a E",
        "SELECT \"666-00-0001\" FROM phi.patients",
        Fails(Code::PlanError),
        Refused,
    ),
];

const INFERENCE: &[Case] = &[
    case(
        "B19 S",
        "SELECT id, name, charge FROM phi.patients WHERE charge > 31337 AND charge < 31338",
        Rows,
        Root,
    ),
    case(
        "B20 S",
        "SELECT count(*) FROM phi.patients WHERE ssn = '666-00-0001'",
        Rows,
        Root,
    ),
    case(
        "B20a S",
        "SELECT count(*) FROM phi.patients WHERE ssn IN ('666-00-0001', 'x') OR NOT (ssn <> '900-10-0003')",
        Rows,
        Root,
    ),
    case(
        "B22 S",
        "SELECT id FROM phi.patients ORDER BY charge DESC, ssn, name, id",
        Rows,
        Root,
    ),
    case(
        "B22a S",
        "SELECT id, rank() OVER (ORDER BY ssn, charge), lag(name) OVER (ORDER BY id) FROM phi.patients ORDER BY id",
        Rows,
        Root,
    ),
    case(
        "B23 S",
        "SELECT ssn, count(*) FROM phi.patients GROUP BY ssn ORDER BY 1",
        Rows,
        Root,
    ),
    case(
        "B23a S",
        "SELECT count(DISTINCT ssn), count(DISTINCT name), count(DISTINCT charge), count(DISTINCT zip), count(DISTINCT dob) FROM phi.patients",
        Rows,
        Root,
    ),
    case(
        "B24 S",
        "SELECT p.id, m.v FROM phi.patients p JOIN lab.my_list m ON p.ssn = m.v ORDER BY 1, 2",
        Rows,
        Root,
    ),
    case(
        "B24a S",
        "SELECT m.n FROM lab.my_list m WHERE m.v IN (SELECT mrn FROM phi.patients) ORDER BY 1",
        Rows,
        RootAsks("SELECT count(*) FROM phi.patients WHERE mrn LIKE 'MRN91%'"),
    ),
    case(
        "B24b S",
        "SELECT a.id, b.id FROM phi.patients a JOIN phi.patients b ON a.charge < b.charge ORDER BY 1, 2",
        Rows,
        Root,
    ),
    case(
        "B24c S",
        "SELECT m.n FROM lab.my_list m WHERE NOT EXISTS (SELECT 1 FROM phi.patients p WHERE p.ssn = m.v) ORDER BY 1",
        Rows,
        Root,
    ),
    case(
        "B26 SM",
        "SELECT min(ssn), max(ssn), approx_percentile_cont(CAST(charge AS DOUBLE), 0.5), min(charge), max(dob), min(name) FROM phi.patients",
        Rows,
        Root,
    ),
    case(
        "B28 S",
        "SELECT id FROM phi.patients WHERE ssn LIKE '666-%' ORDER BY id",
        Rows,
        Root,
    ),
    case(
        "B28a S",
        "SELECT id FROM phi.patients WHERE substring(ssn, 1, 1) = '6' OR ascii(name) > 66 ORDER BY id",
        Rows,
        Root,
    ),
    case(
        "B28b S",
        "SELECT id FROM phi.patients WHERE ssn ~ '^900' OR ssn SIMILAR TO '6%' ORDER BY id",
        Rows,
        Root,
    ),
    case(
        "B28c S",
        "SELECT id FROM phi.patients WHERE CASE WHEN ssn < '7' THEN 1 / (id - id) > 0 ELSE false END ORDER BY id",
        Fails(Code::ExecutionError),
        RootAsks("SELECT ssn FROM phi.patients"),
    ),
    case(
        "B29 F",
        "SELECT m.v FROM lab.my_list m JOIN phi.patients p ON token('mrn', m.v) = p.mrn",
        Fails(Code::PlanError),
        Refused,
    ),
    case(
        "B29a S",
        "SELECT count(*) FROM phi.patients p JOIN lab.my_list m ON md5(m.v) = p.mrn OR encode(sha256(m.v), 'hex') = p.mrn",
        Rows,
        RootAsks("SELECT count(*) FROM phi.patients WHERE mrn LIKE 'MRN9%'"),
    ),
    case(
        "B30 S",
        "SELECT id, mrn, charge FROM phi.patients ORDER BY id",
        Rows,
        Root,
    ),
    case(
        "B31 S",
        "SELECT count(*), count(name), count(charge), count(payload), count(ssn) FROM phi.patients WHERE name IS NULL",
        Rows,
        Root,
    ),
    case(
        "B32 S",
        "SELECT id, length(name), length(ssn), length(zip), name LIKE '% %' FROM phi.patients ORDER BY id",
        Rows,
        Root,
    ),
    case(
        "B34 S",
        "SELECT zip, dob, count(*) FROM phi.patients GROUP BY zip, dob ORDER BY 1, 2",
        Rows,
        Root,
    ),
    case(
        "B36 S",
        "SELECT struct(ssn, name, charge), named_struct('a', payload, 'b', zip) FROM phi.patients ORDER BY id",
        Rows,
        Root,
    ),
    case(
        "B36a S",
        "SELECT p FROM phi.patients p",
        Fails(Code::PlanError),
        RootAsks("SELECT * FROM phi.patients"),
    ),
    case(
        "B36b S",
        "SELECT * FROM phi.patients ORDER BY id",
        Rows,
        Root,
    ),
    case(
        "B36c S",
        "SELECT payload, payload['ssn'], payload['addr'] FROM phi.patients WHERE payload['ssn'] IS NULL OR payload['addr'] LIKE '%CANARY%' ORDER BY id",
        Rows,
        Root,
    ),
    case(
        "B36d S",
        "SELECT arrow_typeof(ssn), arrow_typeof(payload), arrow_typeof(dob), count(*) FROM phi.patients GROUP BY 1, 2, 3",
        Rows,
        Root,
    ),
    case(
        "B36e S",
        "SELECT make_array(ssn, name, mrn, note), concat_ws('|', ssn, name, CAST(charge AS STRING)), coalesce(name, ssn) FROM phi.patients ORDER BY id",
        Rows,
        Root,
    ),
    case(
        "B36f S",
        "SELECT unnest(make_array(ssn, name)) FROM phi.patients",
        Rows,
        Root,
    ),
];

const STATISTICS: &[Case] = &[
    case(
        "C43 M",
        "SELECT count(*), min(id), max(id), min(dx), max(tenant) FROM phi.patients",
        Rows,
        Root,
    ),
    case("C43a M", "SELECT count(*) FROM phi.patients", Rows, Root),
    case(
        "C43b M",
        "SELECT min(id), max(cost), count(day) FROM phi.visits",
        Rows,
        Root,
    ),
    case(
        "C43c M",
        "SELECT count(*) FROM phi.patients WHERE tenant = 'HIDDENCO'",
        Rows,
        Root,
    ),
    case(
        "C43d M",
        "SELECT DISTINCT tenant FROM phi.patients",
        Rows,
        Root,
    ),
    case(
        "C44 A",
        "SELECT sum(charge), sum(charge) FILTER (WHERE id <> 77), sum(id), sum(id) FILTER (WHERE id <> 77) FROM phi.patients",
        Rows,
        Root,
    ),
    case(
        "C45 A",
        "SELECT id, count(*) FROM phi.patients CROSS JOIN generate_series(1, 10) GROUP BY id ORDER BY id",
        Rows,
        Root,
    ),
    case(
        "C47 A",
        "SELECT dx, consent, count(*) FROM phi.patients GROUP BY GROUPING SETS ((dx), (consent), ()) HAVING count(*) >= 1 ORDER BY 1, 2, 3",
        Rows,
        Root,
    ),
    case(
        "C47a A",
        "SELECT dx, tenant, count(*) FROM phi.patients GROUP BY CUBE (dx, tenant) ORDER BY 1, 2, 3",
        Rows,
        Root,
    ),
    case(
        "C48 S",
        "SELECT array_agg(ssn ORDER BY id), string_agg(name, ',' ORDER BY id), first_value(charge ORDER BY id), last_value(ssn ORDER BY id) FROM phi.patients",
        Rows,
        Root,
    ),
    case(
        "C51 M",
        "EXPLAIN SELECT * FROM phi.patients WHERE ssn < 'm'",
        Rows,
        RootAsks("SELECT ssn FROM phi.patients"),
    ),
    case(
        "C51a M",
        "EXPLAIN SELECT p.id FROM phi.patients p JOIN phi.visits v ON p.id = v.patient WHERE v.cost > 31330",
        Rows,
        RootAsks("SELECT id FROM phi.visits WHERE cost > 31330"),
    ),
    case(
        "C51b M",
        "EXPLAIN SELECT count(*) FROM phi.patients",
        Rows,
        RootAsks("SELECT count(*) FROM phi.patients"),
    ),
    case(
        "C52 M",
        "SHOW STATS FOR phi.patients",
        Fails(Code::StatementNotAllowed),
        Refused,
    ),
    case(
        "C52a M",
        "ANALYZE TABLE phi.patients",
        Fails(Code::StatementNotAllowed),
        Refused,
    ),
    case("C52b M", "DESCRIBE phi.patients", Rows, Refused),
    case(
        "C53 A",
        "SELECT CASE WHEN n < 3 THEN 'other' ELSE dx END AS d, n FROM (SELECT dx, count(*) AS n FROM phi.patients GROUP BY dx) ORDER BY 1, 2",
        Rows,
        Root,
    ),
];

const HISTORY_AND_METADATA: &[Case] = &[
    case(
        "E76 F",
        "SELECT * FROM phi.patients VERSION AS OF 0",
        Fails(Code::SyntaxError),
        Refused,
    ),
    case(
        "E76a F",
        "SELECT * FROM phi.patients FOR SYSTEM_TIME AS OF TIMESTAMP '2020-01-01 00:00:00'",
        Fails(Code::SyntaxError),
        Refused,
    ),
    case(
        "E76b F",
        "SELECT * FROM phi.patients TABLESAMPLE BERNOULLI (50)",
        Fails(Code::StatementNotAllowed),
        Refused,
    ),
    case(
        "E81 M",
        "DESCRIBE HISTORY phi.patients",
        Fails(Code::SyntaxError),
        Refused,
    ),
    case(
        "F84 M",
        "EXPLAIN SELECT id, ssn, mrn FROM phi.patients WHERE id > 5 AND consent",
        Rows,
        RootAsks("SELECT id, ssn, mrn FROM phi.patients WHERE id > 5 AND consent"),
    ),
    case(
        "F84a M",
        "EXPLAIN VERBOSE SELECT id FROM phi.patients",
        Fails(Code::StatementNotAllowed),
        Refused,
    ),
    case(
        "F84b M",
        "EXPLAIN FORMAT JSON SELECT id FROM phi.patients",
        Fails(Code::StatementNotAllowed),
        Refused,
    ),
    case(
        "F85 M",
        "EXPLAIN ANALYZE SELECT id, ssn FROM phi.patients WHERE id = 77",
        Rows,
        RootAsks("SELECT id FROM phi.patients WHERE id = 77"),
    ),
    case(
        "F85a M",
        "EXPLAIN ANALYZE SELECT p.dx, count(*) FROM phi.patients p JOIN phi.visits v ON p.id = v.patient GROUP BY p.dx ORDER BY 1",
        Rows,
        RootAsks(
            "SELECT p.dx, count(*) FROM phi.patients p JOIN phi.visits v ON p.id = v.patient GROUP BY p.dx ORDER BY 1",
        ),
    ),
    case(
        "F85b M",
        "EXPLAIN ANALYZE SELECT id FROM phi.patients ORDER BY id DESC LIMIT 2",
        Rows,
        RootAsks("SELECT id FROM phi.patients ORDER BY id DESC LIMIT 2"),
    ),
    case(
        "F85c M",
        "EXPLAIN ANALYZE SELECT * FROM phi.patients",
        Rows,
        RootAsks("SELECT * FROM phi.patients"),
    ),
    case(
        "F85d M",
        "EXPLAIN ANALYZE SELECT max(id), min(dx) FROM phi.patients WHERE dx <> 'B20'",
        Rows,
        RootAsks("SELECT max(id) FROM phi.patients WHERE dx <> 'B20'"),
    ),
    case(
        "F86 F",
        "SELECT * FROM parquet_metadata('x')",
        Fails(Code::NotFound),
        Refused,
    ),
    case(
        "F86a F",
        "SELECT * FROM delta_files('phi.patients')",
        Fails(Code::NotFound),
        Refused,
    ),
    case(
        "F86b F",
        "SELECT * FROM 'lake/x.parquet'",
        Fails(Code::NotFound),
        Refused,
    ),
    case(
        "F86c F",
        "SELECT * FROM \"file:///etc/passwd\"",
        Fails(Code::NotFound),
        Refused,
    ),
    case(
        "F86d F",
        "SELECT * FROM delta.`/lake/x`",
        Fails(Code::NotFound),
        Refused,
    ),
    case(
        "F88 M",
        "SELECT table_schema, table_name, table_type FROM information_schema.tables ORDER BY 1, 2",
        Rows,
        RootAsks("SELECT count(*) FROM phi.patients"),
    ),
    case(
        "F88a M",
        "SELECT table_name, column_name, is_nullable, data_type FROM information_schema.columns WHERE table_schema = 'phi' ORDER BY 1, 2",
        Rows,
        Refused,
    ),
    case(
        "F88b M",
        "SELECT * FROM information_schema.views",
        Rows,
        Refused,
    ),
    case(
        "F88c M",
        "SELECT routine_name FROM information_schema.routines WHERE routine_name LIKE 'mask_s%' OR routine_name = 'token' ORDER BY 1",
        Rows,
        Refused,
    ),
    case("F88d M", "SHOW POLICIES ON phi.patients", Rows, Refused),
    case("F88e M", "SHOW FUNCTIONS", Fails(Code::Denied), Refused),
    case(
        "F88f M",
        "DESCRIBE FUNCTION phi.own_rows",
        Fails(Code::Denied),
        Refused,
    ),
    case(
        "F88g M",
        "SHOW CREATE TABLE phi.patients",
        Fails(Code::StatementNotAllowed),
        Refused,
    ),
    case("F88h M", "SHOW USERS", Fails(Code::Denied), Refused),
    case(
        "F88i M",
        "SELECT name, value FROM information_schema.df_settings WHERE name LIKE '%path%' OR name LIKE '%dir%'",
        Rows,
        Refused,
    ),
    case("F88j M", "SHOW TABLES", Rows, Refused),
    case(
        "F93 F",
        "select COUNT(*), Min(SSN) from PHI.Patients",
        Rows,
        Root,
    ),
    case(
        "F93a F",
        "SELECT \"ssn\", \"phi\".\"patients\".\"name\" FROM \"phi\".\"patients\" ORDER BY id",
        Rows,
        Root,
    ),
    case(
        "F93b F",
        "WITH patients AS (SELECT * FROM phi.patients), p AS (SELECT ssn FROM patients) SELECT * FROM p",
        Rows,
        Root,
    ),
    case(
        "F93c F",
        "WITH RECURSIVE r AS (SELECT id, ssn, 1 AS n FROM phi.patients UNION ALL SELECT id, ssn, n + 1 FROM r WHERE n < 3) SELECT * FROM r",
        Rows,
        Root,
    ),
    case(
        "F93d F",
        "SELECT * FROM phi.patients a, LATERAL (SELECT count(*) AS c FROM phi.visits v WHERE v.patient = a.id) x ORDER BY id",
        Rows,
        Root,
    ),
    case(
        "F93e F",
        "(SELECT ssn, name FROM phi.patients EXCEPT SELECT v, v AS w FROM lab.my_list) UNION ALL (SELECT note, dx FROM phi.patients INTERSECT SELECT note, dx FROM phi.patients)",
        Rows,
        Root,
    ),
    case(
        "F93f F",
        "TABLE phi.patients",
        Fails(Code::SyntaxError),
        RootAsks("SELECT * FROM phi.patients"),
    ),
    case(
        "G103 C",
        "SET datafusion.execution.parquet.pushdown_filters = true",
        Fails(Code::StatementNotAllowed),
        Refused,
    ),
    case(
        "G103a C",
        "SET datafusion.optimizer.max_passes = 0",
        Fails(Code::StatementNotAllowed),
        Refused,
    ),
    case(
        "G101 C",
        "SET app.tenant_id = 'B'",
        Fails(Code::StatementNotAllowed),
        Refused,
    ),
    case(
        "G101a C",
        "SET ROLE root",
        Fails(Code::StatementNotAllowed),
        Refused,
    ),
    case(
        "G104 N",
        "CREATE FUNCTION lab.is_member(g STRING) RETURN true",
        Fails(Code::PolicyInvalid),
        Refused,
    ),
];

async fn run(cases: &[Case]) {
    let twins = Twins::new().await;
    let mut wrong: Vec<String> = Vec::new();
    for Case {
        name,
        sql,
        gets,
        control,
    } in cases
    {
        let mut bad = |what: String| wrong.push(format!("{name}: {what}"));
        let (one, _) = both(&twins, "eve", sql).await;
        match gets {
            Rows if one.answer.is_ok() => {}
            Fails(code) if one.code() == Some(*code) => {}
            other => bad(format!("expected {other:?}, got {:?}", one.answer)),
        }
        let mut asked = vec![(*sql).to_owned()];
        let explains = ["select", "with", "(select", "table"];
        if explains
            .iter()
            .any(|word| sql.to_lowercase().starts_with(word))
            && matches!(gets, Rows)
        {
            asked.extend(
                ["EXPLAIN", "EXPLAIN ANALYZE", "EXPLAIN POLICY"].map(|how| format!("{how} {sql}")),
            );
        }
        for sql in asked {
            if let Some(leak) = leak(&twins, "eve", &sql).await {
                bad(leak);
            }
        }
        let control = match control {
            Root => sql,
            RootAsks(other) => other,
            Refused => continue,
        };
        let (one, two) = both(&twins, "root", control).await;
        if one.same_as(&two) {
            bad(format!("the control sees no difference: {:?}", one.answer));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn evaluation_order_and_errors_tell_eve_nothing() {
    run(EVALUATION).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn masked_columns_are_masked_wherever_they_stand() {
    run(INFERENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_and_statistics_are_those_of_visible_rows() {
    run(STATISTICS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_listings_and_other_doors_to_a_table_tell_eve_nothing() {
    run(HISTORY_AND_METADATA).await;
}
