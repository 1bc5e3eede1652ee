//! Commands: one file each, and here what they share.

pub mod audit;
pub mod completions;
pub mod demo;
pub mod doctor;
pub mod group;
pub mod ingest;
pub mod init;
pub mod out;
pub mod pipeline;
pub mod policy;
mod quote;
mod record;
pub mod sql;
pub mod user;

use lakeward_domain::{Code, Door, Name};
use lakeward_engine::Session;

use crate::{
    Error, Out, Result,
    cli::{Cli, Command},
    config::Config,
    wire_up::{LakeRecord, OpenLake, Unlocked, open_unlocked, unlock},
};

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Nothing to add.
    Fine,
    /// It found something: exit code 4.
    Findings,
}

/// Runs a command, prints what went wrong, and gives the exit code.
pub async fn run(cli: Cli, out: &mut Out) -> u8 {
    match dispatch(cli, out).await {
        Ok(Done::Fine) => 0,
        Ok(Done::Findings) => Code::Findings.exit(),
        Err(error) => {
            // If even this cannot be written, the exit code still says it.
            let _ = out.error(&error);
            error.code().exit()
        }
    }
}

/// Runs a command.
///
/// # Errors
/// Whatever it fails with; nothing of that is printed yet.
pub async fn dispatch(cli: Cli, out: &mut Out) -> Result<Done> {
    let config = Config::load(&cli.global)?;
    // Commands are large futures, and only one of them is ever alive.
    match cli.command {
        Command::Completions { shell } => completions::run(shell, out),
        Command::Demo { dir } => Box::pin(demo::run(&dir, &config, out)).await,
        Command::Init(args) => Box::pin(init::run(args, &config, out)).await,
        Command::Sql(args) => Box::pin(sql::run(args, &config, out)).await,
        Command::Ingest(args) => Box::pin(ingest::run(args, &config, out)).await,
        Command::Pipeline(args) => Box::pin(pipeline::run(args, &config, out)).await,
        Command::User(args) => Box::pin(user::run(args, &config, out)).await,
        Command::Group(args) => Box::pin(group::run(args, &config, out)).await,
        Command::Audit(args) => Box::pin(audit::run(args, &config, out)).await,
        Command::Policy(args) => Box::pin(policy::run(args, &config, out)).await,
        Command::Doctor => Box::pin(doctor::run(&config, out)).await,
    }
}

/// Asks for the passphrase and opens the keys; a lake that is not there is said before anybody types.
pub(crate) async fn unlocked(config: &Config, out: &mut Out) -> Result<Unlocked> {
    let place = config.place()?;
    LakeRecord::read(&place)?;
    let passphrase = config.passphrase(out)?;
    unlock(&place, passphrase).await
}

/// Opens the lake that is configured.
pub(crate) async fn opened(config: &Config, out: &mut Out) -> Result<OpenLake> {
    let unlocked = unlocked(config, out).await?;
    open_unlocked(unlocked, &config.limits).await
}

/// Logs the configured user in.
pub(crate) async fn login(
    lake: &OpenLake,
    config: &Config,
    act_as: Option<&Name>,
    door: Door,
) -> Result<Session> {
    Ok(lake.engine.login(&config.user()?, act_as, door).await?)
}

/// Asks before something is dropped.
pub(crate) fn confirm(what: &str, yes: bool, out: &mut Out) -> Result<()> {
    use std::io::IsTerminal;
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Error::usage(format!(
            "{what} needs --yes where nobody can be asked"
        )));
    }
    out.note(&format!("{what}? Type yes to go on."))?;
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|_| Error::usage("no answer was given"))?;
    if answer.trim().eq_ignore_ascii_case("yes") {
        Ok(())
    } else {
        Err(Error::usage("nothing was done"))
    }
}
