//! A lake of its own for each test, in a folder that goes with it.

use std::path::{Path, PathBuf};

use arrow::{
    record_batch::RecordBatch,
    util::display::{ArrayFormatter, FormatOptions},
};
use lakeward::wire_up::{self, InitOptions, Limits, OpenLake, OpenOptions};
use lakeward_domain::{Code, Door, Hidden, Name};
use lakeward_engine::{Error, Session};

/// The passphrase of every test lake.
pub const PASSPHRASE: &str = "correct horse battery staple";
/// The first user of every test lake.
pub const ADMIN: &str = "root";

/// Rows as text, NULL as `NULL`.
pub type Rows = Vec<Vec<String>>;

/// A lake, opened.
#[derive(Debug)]
pub struct World {
    lake: Option<OpenLake>,
    folder: tempfile::TempDir,
    limits: Limits,
}

/// How test lakes are opened unless a test says otherwise: two threads, little memory.
#[must_use]
pub fn limits() -> Limits {
    Limits {
        threads: 2,
        ..Limits::default()
    }
}

impl World {
    /// A new lake.
    pub async fn new() -> Self {
        Self::with(limits()).await
    }

    /// A new lake with these limits.
    pub async fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the lake");
        let init = InitOptions {
            lake: folder.path().join("lake"),
            state: None,
            kms: None,
            user: Name::parse(ADMIN).expect("a name"),
            passphrase: Hidden::new(PASSPHRASE.to_owned()),
            step: |_| (),
        };
        wire_up::init(init).await.expect("init");
        let mut world = Self {
            lake: None,
            folder,
            limits,
        };
        world.open().await;
        world
    }

    async fn open(&mut self) {
        let lake = self.try_open().await.expect("open");
        self.lake = Some(lake);
    }

    /// Opens the lake, or says why not. Close it first.
    pub async fn try_open(&self) -> lakeward::Result<OpenLake> {
        wire_up::open(OpenOptions {
            lake: self.lake_folder(),
            state: None,
            passphrase: Hidden::new(PASSPHRASE.to_owned()),
            limits: self.limits.clone(),
        })
        .await
    }

    /// Lets go of the lake.
    pub fn close(&mut self) {
        self.lake = None;
    }

    /// Closes and opens again.
    pub async fn reopen(&mut self) {
        self.close();
        self.open().await;
    }

    /// A second lake that equals this one now, byte for byte: the same keys, ids and names.
    pub async fn copy(&mut self) -> Self {
        self.close();
        let folder = tempfile::tempdir().expect("a folder for the copy");
        copy_folder(self.folder(), folder.path());
        let mut copy = Self {
            lake: None,
            folder,
            limits: self.limits.clone(),
        };
        copy.open().await;
        self.open().await;
        copy
    }

    /// The opened lake.
    #[must_use]
    pub fn lake(&self) -> &OpenLake {
        self.lake.as_ref().expect("the lake is open")
    }

    /// The folder that holds everything: lake and state.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The lake's folder.
    #[must_use]
    pub fn lake_folder(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    /// The state folder.
    #[must_use]
    pub fn state_folder(&self) -> PathBuf {
        self.folder.path().join("lake.state")
    }

    /// A session of this user.
    pub async fn session(&self, user: &str) -> Session {
        let name = Name::parse(user).expect("a name");
        self.lake()
            .engine
            .login(&name, None, Door::Cli)
            .await
            .expect("login")
    }

    /// A session of the first user.
    pub async fn admin(&self) -> Session {
        self.session(ADMIN).await
    }

    /// Runs a script as the first user; every statement must succeed.
    pub async fn script(&self, script: &str) {
        let mut admin = self.admin().await;
        run_script(&mut admin, script).await;
    }

    /// Makes users, and groups of the same sort: `("eve", &["researchers"])`.
    pub async fn users(&self, users: &[(&str, &[&str])]) {
        for (user, groups) in users {
            self.script(&format!("CREATE USER {user}")).await;
            for group in *groups {
                self.script(&format!(
                    "CREATE GROUP IF NOT EXISTS {group}; ALTER GROUP {group} ADD USER {user}"
                ))
                .await;
            }
        }
    }

    /// The rows of a query as this user.
    pub async fn rows(&self, user: &str, sql: &str) -> Rows {
        rows(&mut self.session(user).await, sql).await
    }

    /// What this user gets: rows or the code.
    pub async fn outcome(&self, user: &str, sql: &str) -> Result<Rows, Code> {
        outcome(&mut self.session(user).await, sql)
            .await
            .map_err(|error| error.code())
    }
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            std::fs::create_dir_all(&target).expect("a folder");
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// Runs each statement of a script.
pub async fn run_script(session: &mut Session, script: &str) {
    for statement in lakeward_engine::split(script).expect("split") {
        let answer = session.run(&statement).await;
        let answer = answer.unwrap_or_else(|error| panic!("{statement}: {error}"));
        answer
            .collect()
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// The rows of a query.
pub async fn rows(session: &mut Session, sql: &str) -> Rows {
    outcome(session, sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The rows of a query, or its error.
pub async fn outcome(session: &mut Session, sql: &str) -> Result<Rows, Error> {
    let batches = session.run(sql).await?.collect().await?;
    Ok(text_of(&batches))
}

/// Batches as rows of text.
#[must_use]
pub fn text_of(batches: &[RecordBatch]) -> Rows {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<ArrayFormatter<'_>> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).expect("printable"))
            .collect();
        for row in 0..batch.num_rows() {
            rows.push(
                columns
                    .iter()
                    .map(|column| column.value(row).to_string())
                    .collect(),
            );
        }
    }
    rows
}
