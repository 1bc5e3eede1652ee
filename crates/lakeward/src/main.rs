//! The `lakeward` program: reads the command line, sets the process up, and hands over.

use std::process::ExitCode;

use clap::Parser;
use lakeward::{Out, cli::Cli};
use rustix::process::{Resource, Rlimit, setrlimit};
use tracing_subscriber::EnvFilter;

fn main() -> anyhow::Result<ExitCode> {
    // A core dump would write keys and rows to the disk.
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    let cli = Cli::parse();
    logs();
    let mut out = match Out::standard(cli.global.format(), cli.global.to.as_deref()) {
        Ok(out) => out,
        Err(error) => {
            let mut out = Out::standard(lakeward::Format::Table, None)?;
            out.error(&error)?;
            return Ok(ExitCode::from(error.code().exit()));
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()?;
    // A thread with a stack of its own, since the first one's is what the shell left it; plans nest.
    let handle = runtime.handle().clone();
    let code = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || handle.block_on(lakeward::command::run(cli, &mut out)))?
        .join()
        .map_err(|_| anyhow::anyhow!("the command broke off"))?;
    // A line that somebody is still typing, or a KMS that hangs, does not keep the process.
    runtime.shutdown_background();
    Ok(ExitCode::from(code))
}

/// Our own rooms' logs, which hold no values, to stderr. What libraries log may quote data, so no
/// setting lets it through.
fn logs() {
    let level = std::env::var("LAKEWARD_LOG").unwrap_or_default();
    let level = match level.as_str() {
        "error" | "warn" | "info" | "debug" | "trace" => level.as_str(),
        _ => "error",
    };
    let rooms = [
        "lakeward",
        "lakeward_audit",
        "lakeward_catalog",
        "lakeward_engine",
        "lakeward_ingest",
        "lakeward_keys",
        "lakeward_lake",
        "lakeward_phi",
        "lakeward_policy",
    ];
    let filter: Vec<String> = rooms.iter().map(|room| format!("{room}={level}")).collect();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter.join(",")))
        .with_writer(std::io::stderr)
        .init();
}

const STACK_BYTES: usize = 16 << 20;
