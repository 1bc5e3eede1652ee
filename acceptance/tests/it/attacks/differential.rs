//! The same statement on a copy that was masked before it was stored gives the same answer.

use lakeward_acceptance::World;

use super::{
    grammar::{Dice, statement},
    observe::observe,
    twins::Twins,
};

const BY_HAND: &[&str] = &[
    "SELECT * FROM {t}",
    "SELECT id, ssn, name, charge FROM {t} WHERE ssn = '***-**-****' AND name IS NULL",
    "SELECT count(*), count(ssn), count(name), count(DISTINCT mrn), min(dob), max(zip) FROM {t}",
    "SELECT zip, dob, count(*) FROM {t} GROUP BY zip, dob",
    "SELECT a.id, b.id FROM {t} a JOIN {t} b ON a.mrn = b.mrn",
    "SELECT a.id, b.id FROM {t} a LEFT JOIN {t} b ON a.name = b.name",
    "SELECT id, row_number() OVER (PARTITION BY dob ORDER BY id) FROM {t}",
    "SELECT id FROM {t} WHERE dob = DATE '1955-01-01' OR zip = '021' ORDER BY mrn, id LIMIT 7",
    "SELECT dx, array_agg(id ORDER BY id) FROM {t} GROUP BY dx",
    "SELECT DISTINCT tenant, ssn, zip FROM {t}",
    "SELECT id FROM {t} WHERE id IN (10, 20, 77) OR id BETWEEN 100 AND 150 OR NOT consent",
    "SELECT payload, payload['ssn'] FROM {t} WHERE payload IS NULL",
    "SELECT (SELECT max(mrn) FROM {t}), min(id) FROM {t}",
    "SELECT id, note FROM {t} EXCEPT SELECT id, note FROM {t} WHERE id > 100",
];

/// Writes what eve sees of the patients into a table without policies.
async fn masked_copy(world: &World) {
    let seen = world.rows("eve", "SELECT * FROM phi.patients").await;
    assert!(seen.len() >= 30, "eve sees rows");
    let rows: Vec<String> = seen
        .iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .map(|cell| {
                    if cell == "NULL" {
                        cell.clone()
                    } else {
                        format!("'{cell}'")
                    }
                })
                .collect();
            format!("({})", cells.join(", "))
        })
        .collect();
    world
        .script(&format!(
            "CREATE TABLE lab.masked (id BIGINT NOT NULL, tenant STRING, mrn STRING, ssn STRING,
               name STRING, dob DATE, zip STRING, dx STRING, charge DECIMAL(10,2), hiv STRING,
               consent BOOLEAN, note STRING, payload STRUCT<ssn: STRING, addr: STRING>);
             GRANT SELECT ON TABLE lab.masked TO GROUP researchers;
             INSERT INTO lab.masked VALUES {}",
            rows.join(", ")
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_masked_before_gives_the_same_answers() {
    let twins = Twins::new().await;
    let world = &twins.one;
    masked_copy(world).await;
    let generated = (0..120).map(|seed| statement(&mut Dice::new(7_000_000 + seed)));
    let statements: Vec<String> = BY_HAND
        .iter()
        .map(|sql| (*sql).to_owned())
        .chain(generated)
        .collect();
    let (mut compared, mut wrong) = (0, Vec::new());
    for sql in &statements {
        let governed = observe(world, "eve", &sql.replace("{t}", "phi.patients"))
            .await
            .sorted();
        let copied = observe(world, "eve", &sql.replace("{t}", "lab.masked"))
            .await
            .sorted();
        match (&governed.answer, &copied.answer) {
            (Ok(one), Ok(two)) => {
                compared += 1;
                if one != two {
                    wrong.push(format!("{sql}\n{one:?}\n{two:?}"));
                }
            }
            // Which conjunct meets a bad value first is not defined: a failure must only be one of
            // the statement's own expressions.
            (Err((one, _)), Err((two, _))) if one == two => compared += 1,
            (one, two) => {
                let code = one
                    .as_ref()
                    .err()
                    .or(two.as_ref().err())
                    .map(|(code, _)| *code);
                if code != Some(lakeward_domain::Code::ExecutionError) {
                    wrong.push(format!("{sql}\n{one:?}\n{two:?}"));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}\n{}",
        wrong.len(),
        statements.len(),
        wrong.join("\n\n")
    );
    assert!(
        compared >= 100,
        "only {compared} of {} were compared",
        statements.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_comparison_notices_a_wrong_cell() {
    let twins = Twins::new().await;
    masked_copy(&twins.one).await;
    let sql = "SELECT id, dx FROM {t} WHERE id = 10";
    twins
        .one
        .script("INSERT INTO lab.masked (id, dx) VALUES (10, 'WRONG')")
        .await;
    let governed = observe(&twins.one, "eve", &sql.replace("{t}", "phi.patients")).await;
    let copied = observe(&twins.one, "eve", &sql.replace("{t}", "lab.masked")).await;
    assert_ne!(governed.answer, copied.answer);
}
