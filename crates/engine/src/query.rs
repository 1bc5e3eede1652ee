//! The way of a statement, from text to answer. Read this first.
//!
//! Order matters. The record is opened before anything else, so that a refused or broken statement
//! is in the ledger too; *decided* is durable before the first row leaves; and an [`Answer`]
//! cannot be built without its record.

use lakeward_audit::Event;
use lakeward_domain::Code;

use crate::{
    answer::{Answer, decided, released},
    change,
    engine::Engine,
    error::{Error, Phase, Result, foreign},
    explain,
    parse::{self, Statement},
    plan,
    pump::Pump,
    receipt::Receipt,
    session::Session,
    show,
};

/// How often a change is planned anew when another writer was faster.
const TRIES: usize = 10;

/// Runs one statement for one session.
pub(crate) async fn run(engine: &Engine, session: &mut Session, sql: &str) -> Result<Answer> {
    let requester = match session.requester() {
        Ok(requester) => requester,
        Err(error) => {
            let name_fingerprint = String::new();
            engine
                .record(Event::LoginFailed {
                    name_fingerprint,
                    code: error.code(),
                })
                .await?;
            return Err(error);
        }
    };
    let fingerprint = engine
        .keys
        .fingerprint(requester.id, engine.clock.now(), sql);
    let receipt = Receipt::begin(
        &engine.ledger,
        &engine.clock,
        &requester,
        fingerprint,
        "unknown",
    )
    .await?;
    let statement = match parse::statement(sql) {
        Ok(statement) => statement,
        Err(error) => return Err(receipt.refuse("unknown", error, 0).await),
    };
    let kind = statement.kind();
    match statement {
        Statement::Query(query) => {
            match govern(engine, session, sql, kind, query, &receipt).await {
                Ok((plan, resolver)) => {
                    let timeout = session
                        .options
                        .statement_timeout
                        .unwrap_or(engine.settings.statement_timeout);
                    match Answer::stream(&plan, resolver, engine.watch(), receipt, kind, timeout) {
                        Ok(answer) => Ok(answer),
                        Err(failed) => {
                            let (receipt, error) = *failed;
                            Err(receipt.refuse(kind, error, 0).await)
                        }
                    }
                }
                Err(error) => Err(receipt.refuse(kind, error, 0).await),
            }
        }
        other => match carry_out(engine, session, sql, other, &receipt).await {
            Ok(done) => {
                Answer::ready(receipt, done.rows, done.outcome, done.notices, done.keys).await
            }
            Err(error) => Err(receipt.refuse(kind, error, 0).await),
        },
    }
}

type Governed = (plan::GovernedPlan, std::sync::Arc<crate::resolve::Resolver>);

/// Resolve, rule, plan, check, and put the decision on record.
async fn govern(
    engine: &Engine,
    session: &Session,
    sql: &str,
    kind: &'static str,
    query: Box<datafusion::sql::sqlparser::ast::Query>,
    receipt: &Receipt,
) -> Result<Governed> {
    let resolver = engine.resolver(session)?; // one epoch: names, rulings, table versions
    let reader = engine.sessions.reader(&resolver, &session.options);
    let functions: Vec<String> = function_names(&reader);
    let plan = plan::over_governed_tables(reader, &resolver, query)
        .await
        .map_err(|error| resolver.or_dropped(&engine.state(), None, error))?;
    plan::check(&plan.physical, &resolver)?;
    receipt
        .write(decided(&resolver, sql, kind, &functions, None))
        .await?;
    Ok((plan, resolver))
}

fn function_names(session: &datafusion::execution::SessionState) -> Vec<String> {
    session
        .scalar_functions()
        .keys()
        .chain(session.aggregate_functions().keys())
        .chain(session.window_functions().keys())
        .cloned()
        .collect()
}

/// Everything that is not a plain query.
async fn carry_out(
    engine: &Engine,
    session: &mut Session,
    sql: &str,
    statement: Statement,
    receipt: &Receipt,
) -> Result<change::Done> {
    let kind = statement.kind();
    match statement {
        Statement::Explain { query, analyze } => {
            let (plan, resolver) = govern(engine, session, sql, kind, query, receipt).await?;
            // What operators count depends on how rows lie in files, hidden rows and files included;
            // and a plan that has run shows its dynamic filters. Over a barrier: neither.
            let closed = analyze && plan::has_barrier(&plan.physical);
            let mut text = explain::printed(&plan.physical, false)?;
            if analyze {
                let rows = datafusion::physical_plan::execute_stream(
                    std::sync::Arc::clone(&plan.physical),
                    plan.session.task_ctx(),
                )
                .map_err(|error| foreign(&error, Phase::Run))?;
                let mut rows = Pump::start(rows);
                let count = async {
                    let mut count = 0;
                    while let Some(batch) = rows.next().await {
                        count += batch
                            .map_err(|error| foreign(&error, Phase::Run))?
                            .num_rows();
                    }
                    Ok::<usize, Error>(count)
                };
                let timeout = session
                    .options
                    .statement_timeout
                    .unwrap_or(engine.settings.statement_timeout);
                let rows = tokio::time::timeout(timeout, count).await.map_err(|_| {
                    Error::new(
                        Code::DeadlineExceeded,
                        "the statement ran into its deadline",
                    )
                })??;
                if closed {
                    text.push_str(&format!("rows={rows}"));
                } else {
                    text = explain::printed(&plan.physical, true)?;
                }
            }
            Ok(change::Done::rows(explain::lines("plan", &text)?).with_keys(released(&resolver)))
        }
        Statement::ExplainPolicy(query) => {
            let (_, resolver) = govern(engine, session, sql, kind, query, receipt).await?;
            Ok(change::Done::rows(explain::policy(&resolver)?))
        }
        Statement::ShowSchemas | Statement::ShowTables { .. } | Statement::Describe { .. } => {
            let resolver = engine.resolver(session)?;
            let rows = show::run(&resolver, &statement)?;
            receipt
                .write(decided(&resolver, sql, kind, &[], None))
                .await?;
            Ok(change::Done::rows(rows))
        }
        Statement::SetOption { name, value } => {
            session.options.set(&name, &value)?;
            Ok(change::Done::changed("set", None))
        }
        Statement::Policy(statement)
            if matches!(
                *statement,
                lakeward_policy::ddl::Statement::SetPurpose { .. }
                    | lakeward_policy::ddl::Statement::UnsetPurpose
            ) =>
        {
            session.purpose = change::grants::purpose(&statement)?;
            Ok(change::Done::changed("purpose set", None))
        }
        change_of_lake => {
            let mut tries = TRIES;
            loop {
                let resolver = engine.resolver(session)?;
                let work = change::Work {
                    engine,
                    resolver: &resolver,
                    receipt,
                    sql,
                    kind,
                    options: &session.options,
                };
                let done = change::apply(&work, change_of_lake.clone()).await;
                match done.map_err(|error| {
                    resolver.or_dropped(&engine.state(), change_of_lake.target(), error)
                }) {
                    Err(error) if error.code() == Code::Conflict && tries > 1 => tries -= 1,
                    other => return other,
                }
            }
        }
    }
}
