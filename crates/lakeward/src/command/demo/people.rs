//! What billing, a researcher and a stranger see.

use std::collections::BTreeMap;

use arrow::{
    array::{Array, RecordBatch},
    util::display::{ArrayFormatter, FormatOptions},
};
use lakeward_domain::{Code, Door, Name};
use lakeward_engine::Session;

use super::stage::{Stage, run};
use crate::{Error, Result, wire_up::OpenLake};

/// Name, and what they are.
const PEOPLE: [(&str, &str); 3] = [
    ("billing_bob", "billing"),
    ("researcher_rita", "data_scientists"),
    ("sam", "a stranger"),
];

const QUERY: &str = "\
SELECT patient_id, tenant, full_name, ssn, mrn, birth_date, sex, zip, phone, email
FROM silver_health_records
WHERE tenant = 'lakeside_health'
ORDER BY patient_id
LIMIT 1";

const COUNTS: &str = "\
SELECT count(*) AS patients, count(DISTINCT tenant) AS tenants,
       count(DISTINCT ssn) AS ssns, count(full_name) AS names, count(DISTINCT zip) AS zips
FROM silver_health_records";

async fn session_of(lake: &OpenLake, owner: &Name, person: &str) -> Result<Session> {
    Ok(lake
        .engine
        .login(owner, Some(&Name::parse(person)?), Door::Cli)
        .await?)
}

/// The seed's two statements, word for word.
const SEED: &str = include_str!("../../../demo/seed.sql");

pub(super) async fn fail_open(lake: &OpenLake, owner: &Name, stage: &mut Stage<'_>) -> Result<()> {
    stage.quote(SEED)?;
    let mut session = lake.engine.login(owner, None, Door::Cli).await?;
    let notices = run(&mut session, SEED).await?;
    stage.say("")?;
    stage.say("It runs. And lakeward policy lint says:")?;
    stage.say("")?;
    let state = lake.engine.state();
    let findings = crate::command::policy::findings(&state);
    let found = findings
        .iter()
        .find(|finding| finding.rule == Code::PolicyFailOpen.as_str());
    let found =
        found.ok_or_else(|| Error::new(Code::Internal, "the lint missed a fail-open mask"))?;
    if !notices
        .iter()
        .any(|notice| notice.code == Some(Code::PolicyFailOpen))
    {
        return Err(Error::new(
            Code::Internal,
            "a fail-open mask was made without a notice",
        ));
    }
    stage.quote(&format!("{}: {}", found.rule, found.message))?;
    stage.quote(&format!(
        "corrected: {}",
        found.corrected.as_deref().unwrap_or("-")
    ))?;
    stage.say("")?;
    stage.say("Until somebody does that, the lake does not follow the open branch on a column tagged PHI:")?;
    let mut owners = lake.engine.login(owner, None, Door::Cli).await?;
    let grant = "GRANT SELECT ON silver_health_records TO GROUP billing, GROUP data_scientists";
    run(&mut owners, grant).await?;
    for (person, _) in PEOPLE {
        let mut session = session_of(lake, owner, person).await?;
        let rows = explained(&mut session, "SELECT ssn FROM silver_health_records").await;
        match rows {
            Ok(rows) => {
                for row in rows {
                    stage.say(&format!(
                        "  {person:<16} ssn is {}: {}",
                        row.outcome, row.reason
                    ))?;
                }
            }
            Err(error) => stage.say(&format!(
                "  {person:<16} {}: {}",
                error.code(),
                error.cause()
            ))?,
        }
    }
    Ok(())
}

pub(super) async fn side_by_side(
    lake: &OpenLake,
    owner: &Name,
    stage: &mut Stage<'_>,
) -> Result<()> {
    stage.quote(QUERY)?;
    stage.say("")?;
    compare(lake, owner, QUERY, stage).await?;
    stage.say("")?;
    stage.quote(COUNTS)?;
    stage.say("")?;
    compare(lake, owner, COUNTS, stage).await
}

/// One row per column of the answer, one column per person.
async fn compare(lake: &OpenLake, owner: &Name, sql: &str, stage: &mut Stage<'_>) -> Result<()> {
    let mut columns: Vec<String> = Vec::new();
    let mut seen: Vec<BTreeMap<String, String>> = Vec::new();
    let mut refused: Vec<Option<Code>> = Vec::new();
    for (person, _) in PEOPLE {
        let mut session = session_of(lake, owner, person).await?;
        let ran = match Box::pin(session.run(sql)).await {
            Ok(answer) => answer.collect().await,
            Err(error) => Err(error),
        };
        match ran {
            Ok(batches) => {
                let row = first_row(&batches)?;
                if columns.is_empty() {
                    columns = row.iter().map(|(name, _)| name.clone()).collect();
                }
                seen.push(row.into_iter().collect());
                refused.push(None);
            }
            Err(error) => {
                seen.push(BTreeMap::new());
                refused.push(Some(error.code()));
            }
        }
    }
    if refused.iter().map(Option::is_some).collect::<Vec<_>>() != [false, false, true]
        || seen.first() == seen.get(1)
    {
        return Err(Error::new(
            Code::Internal,
            "the three people do not see three things",
        ));
    }
    let rows: Vec<Vec<Option<String>>> = columns
        .iter()
        .enumerate()
        .map(|(i, column)| {
            let mut row = vec![Some(column.clone())];
            for (values, code) in seen.iter().zip(&refused) {
                row.push(match code {
                    Some(code) => Some(if i == 0 {
                        code.to_string()
                    } else {
                        String::new()
                    }),
                    None => values.get(column).cloned(),
                });
            }
            row
        })
        .collect();
    let heads: Vec<String> = PEOPLE
        .iter()
        .map(|(person, what)| format!("{person} ({what})"))
        .collect();
    let mut names = vec!["column"];
    names.extend(heads.iter().map(String::as_str));
    stage.table(&names, &rows)
}

fn first_row(batches: &[RecordBatch]) -> Result<Vec<(String, String)>> {
    let unseen = || {
        Error::new(
            Code::Internal,
            "somebody sees no row where there should be one",
        )
    };
    let batch = batches
        .iter()
        .find(|batch| batch.num_rows() > 0)
        .ok_or_else(unseen)?;
    let schema = batch.schema();
    let options = FormatOptions::new().with_null("NULL");
    schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| {
            let formatter =
                ArrayFormatter::try_new(column.as_ref(), &options).map_err(|_| unseen())?;
            Ok((
                field.name().clone(),
                formatter.value(0).try_to_string().map_err(|_| unseen())?,
            ))
        })
        .collect()
}

/// A line of EXPLAIN POLICY.
struct Explained {
    column: String,
    outcome: String,
    policy: String,
    tag: String,
    decided_by: String,
    reason: String,
}

async fn explained(session: &mut Session, sql: &str) -> Result<Vec<Explained>> {
    let asked = format!("EXPLAIN POLICY {sql}");
    let batches = Box::pin(session.run(&asked)).await?.collect().await?;
    let mut rows = Vec::new();
    for batch in &batches {
        let text = |name: &str, row: usize| {
            let column = batch.column_by_name(name)?;
            let options = FormatOptions::new();
            let formatter = ArrayFormatter::try_new(column.as_ref(), &options).ok()?;
            (!column.is_null(row)).then(|| formatter.value(row).to_string())
        };
        rows.extend((0..batch.num_rows()).map(|row| Explained {
            column: text("column", row).unwrap_or_else(|| "(rows)".to_owned()),
            outcome: text("outcome", row).unwrap_or_default(),
            policy: match (text("policy", row), text("version", row)) {
                (Some(policy), Some(version)) => {
                    format!("{}…@{version}", policy.get(..9).unwrap_or(&policy))
                }
                _ => "-".to_owned(),
            },
            tag: text("tag", row).unwrap_or_default(),
            decided_by: text("decided_by", row).unwrap_or_default(),
            reason: text("reason", row).unwrap_or_default(),
        }));
    }
    Ok(rows)
}

pub(super) async fn why(lake: &OpenLake, owner: &Name, stage: &mut Stage<'_>) -> Result<()> {
    for (person, what) in PEOPLE {
        stage.say(&format!(
            "{person} ({what}), EXPLAIN POLICY of the query above:"
        ))?;
        let mut session = session_of(lake, owner, person).await?;
        let rows = match explained(&mut session, QUERY).await {
            Ok(rows) => rows,
            Err(error) if error.code() == Code::NotFound => {
                stage.say(&format!("  {}: {}", error.code(), error.cause()))?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let rows: Vec<Vec<Option<String>>> = rows
            .into_iter()
            .filter(|row| row.policy != "-" || !row.tag.is_empty())
            .map(|row| {
                vec![
                    Some(row.column),
                    Some(row.outcome),
                    Some(row.tag),
                    Some(row.policy),
                    Some(format!("{}: {}", row.decided_by, row.reason)),
                ]
            })
            .collect();
        let names = ["column", "outcome", "tag", "policy", "because"];
        stage.table(&names, &rows)?;
    }
    Ok(())
}
