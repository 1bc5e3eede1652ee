//! The only DataFusion sessions of the workspace.
//!
//! Two kinds: the *pinned* session, in which policies compile, and a *reader's* session per
//! statement, which knows the governed tables of that statement and nothing else. Options that a
//! reader may set are an allow-list: `runtime.temp_directory` would turn sealed spill into
//! plaintext, `execution.parquet.pushdown_filters` would move predicates below the guard.

#![expect(
    clippy::disallowed_methods,
    reason = "the one place that makes sessions"
)]

use std::{sync::Arc, time::Duration};

use datafusion::{
    common::config::Dialect,
    execution::{
        SessionState, SessionStateBuilder,
        disk_manager::DiskManagerBuilder,
        memory_pool::FairSpillPool,
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
    },
    functions_table::all_default_table_functions,
    prelude::SessionConfig,
};
use lakeward_domain::{Code, Door, Name, PrincipalId, Purpose, names};
use lakeward_keys::LakeKeys;
use lakeward_lake::{LakeStore, SealedSpill};

use crate::{
    answer::Answer,
    engine::{Engine, Settings},
    error::{Error, Result, not_allowed},
    functions,
    resolve::{GovernedCatalogs, Resolver},
};

/// Makes the sessions of one engine.
#[derive(Debug)]
pub(crate) struct Sessions {
    runtime: Arc<RuntimeEnv>,
    pinned: Arc<SessionState>,
    reader: SessionState,
}

impl Sessions {
    pub(crate) fn new(
        settings: &Settings,
        lake: &LakeStore,
        spill: Arc<SealedSpill>,
        keys: &Arc<LakeKeys>,
    ) -> Result<Self> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(settings.memory_bytes)))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_temp_file_factory(spill))
            .build_arc()
            .map_err(|_| Error::new(Code::Internal, "the runtime cannot be made"))?;
        lake.register(&runtime);
        let pinned = base(&runtime, settings)
            .with_scalar_functions(functions::for_policies(keys))
            .build();
        let reader = base(&runtime, settings)
            .with_scalar_functions(functions::for_readers())
            .build();
        Ok(Self {
            runtime,
            pinned: Arc::new(pinned),
            reader,
        })
    }

    /// The session in which policies compile.
    pub(crate) fn pinned(&self) -> Arc<SessionState> {
        Arc::clone(&self.pinned)
    }

    /// Memory that statements hold now, in bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.runtime.memory_pool.reserved()
    }

    /// A session for one statement.
    pub(crate) fn reader(&self, resolver: &Arc<Resolver>, options: &Options) -> SessionState {
        let mut config = self.reader.config().clone();
        if let Some(zone) = &options.time_zone {
            config.options_mut().execution.time_zone = Some(zone.clone());
        }
        let mut functions: Vec<_> = self.reader.scalar_functions().values().cloned().collect();
        functions.extend(functions::of_requester(&resolver.requester));
        SessionStateBuilder::new_from_existing(self.reader.clone())
            .with_config(config)
            .with_scalar_functions(functions)
            .with_catalog_list(Arc::new(GovernedCatalogs(Arc::clone(resolver))))
            .build()
    }
}

fn base(runtime: &Arc<RuntimeEnv>, settings: &Settings) -> SessionStateBuilder {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(names::CATALOG, names::DEFAULT_SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true)
        .with_target_partitions(settings.threads.max(1))
        .with_collect_statistics(false);
    let options = config.options_mut();
    options.sql_parser.dialect = Dialect::Generic;
    options.sql_parser.collect_spans = true;
    options.execution.time_zone = Some("UTC".into());
    options.execution.parquet.pushdown_filters = false;
    options.explain.show_statistics = false;
    SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_runtime_env(Arc::clone(runtime))
        .with_table_function_list(all_default_table_functions())
}

/// What a person may set for a session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) time_zone: Option<String>,
    pub(crate) statement_timeout: Option<Duration>,
}

impl Options {
    /// Sets an option of the allow-list, or refuses it by name.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "timezone" | "time_zone" | "datafusion.execution.time_zone" => {
                let known = value
                    .parse::<datafusion::arrow::array::timezone::Tz>()
                    .map_err(|_| Error::new(Code::Usage, "the time zone is not known"));
                known?;
                self.time_zone = Some(value.to_owned());
                Ok(())
            }
            "statement_timeout" => {
                self.statement_timeout = Some(duration(value).ok_or_else(|| {
                    Error::new(Code::Usage, "a timeout is a number with ms, s, min or h")
                })?);
                Ok(())
            }
            _ => Err(not_allowed("this option of SET")),
        }
    }
}

fn duration(text: &str) -> Option<Duration> {
    let digits: String = text
        .trim()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let number: u64 = digits.parse().ok()?;
    let millis = match text.trim()[digits.len()..].trim() {
        "" | "ms" => number,
        "s" => number.checked_mul(1_000)?,
        "min" | "m" => number.checked_mul(60_000)?,
        "h" => number.checked_mul(3_600_000)?,
        _ => return None,
    };
    (millis > 0).then(|| Duration::from_millis(millis))
}

/// A person's or program's session: who, through which door, for what purpose.
///
/// Who they are is looked up again for each statement, so a revoked right ends with the next one.
#[derive(Debug)]
pub struct Session {
    engine: Arc<Engine>,
    principal: PrincipalId,
    impersonator: Option<(PrincipalId, Name)>,
    door: Door,
    pub(crate) purpose: Option<Purpose>,
    pub(crate) options: Options,
}

impl Session {
    pub(crate) fn new(
        engine: Arc<Engine>,
        principal: PrincipalId,
        impersonator: Option<(PrincipalId, Name)>,
        door: Door,
    ) -> Self {
        Self {
            engine,
            principal,
            impersonator,
            door,
            purpose: None,
            options: Options::default(),
        }
    }

    /// The engine this session asks.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// States the purpose of what follows.
    pub fn set_purpose(&mut self, purpose: Option<Purpose>) {
        self.purpose = purpose;
    }

    /// Who asks, as the catalog has it now.
    ///
    /// # Errors
    /// [`Code::LoginFailed`] when the principal is gone or disabled.
    pub fn requester(&self) -> Result<lakeward_domain::Requester> {
        self.requester_in(&self.engine.state())
    }

    /// Who asks, as this state of the catalog has them: groups and rights of one epoch.
    pub(crate) fn requester_in(
        &self,
        state: &lakeward_catalog::State,
    ) -> Result<lakeward_domain::Requester> {
        let by_id = |id| {
            let found = state.principal(id)?;
            state.requester(found.name(), self.door)
        };
        let mut requester = by_id(self.principal).ok_or_else(|| {
            Error::new(
                Code::LoginFailed,
                "the user does not exist or may not log in",
            )
        })?;
        if let Some((id, _)) = &self.impersonator {
            let still =
                by_id(*id).is_some_and(|real| real.has(lakeward_domain::Duty::Impersonator));
            if !still {
                return Err(Error::new(
                    Code::LoginFailed,
                    "the right to act as another user is gone",
                ));
            }
        }
        requester.purpose = self.purpose.clone();
        requester.impersonator = self.impersonator.clone();
        Ok(requester)
    }

    /// Runs one statement. See [`crate::query`].
    ///
    /// # Errors
    /// Every refusal and failure, with its code; each is in the ledger too.
    pub async fn run(&mut self, sql: &str) -> Result<Answer> {
        let engine = Arc::clone(&self.engine);
        crate::query::run(&engine, self, sql).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_off_the_list_are_refused() {
        let mut options = Options::default();
        for name in [
            "datafusion.runtime.temp_directory",
            "datafusion.execution.parquet.pushdown_filters",
            "datafusion.optimizer.max_passes",
            "app.tenant_id",
        ] {
            assert_eq!(
                options.set(name, "x").unwrap_err().code(),
                Code::StatementNotAllowed
            );
        }
        options.set("time_zone", "Europe/Berlin").unwrap();
        options.set("statement_timeout", "30s").unwrap();
        assert_eq!(options.statement_timeout, Some(Duration::from_secs(30)));
        assert!(options.set("statement_timeout", "soon").is_err());
    }
}
