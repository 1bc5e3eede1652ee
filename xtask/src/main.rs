//! Checks of the house's order that no compiler makes.
//!
//! `cargo xtask layering`: who may depend on whom. `cargo xtask tidy`: sizes, left-overs,
//! manifests, exceptions, and that every promise of `docs/supported.md` has its test. Both print
//! every finding, one a line, and fail if there is any.

mod layering;
mod metadata;
mod source;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

fn main() -> ExitCode {
    let task = std::env::args().nth(1);
    match task.as_deref().map(run) {
        Some(Ok(findings)) if findings.is_empty() => ExitCode::SUCCESS,
        Some(Ok(findings)) => {
            for finding in &findings {
                eprintln!("{finding}");
            }
            eprintln!("{} finding(s)", findings.len());
            ExitCode::FAILURE
        }
        Some(Err(error)) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
        None => {
            eprintln!("usage: cargo xtask layering | tidy");
            ExitCode::from(2)
        }
    }
}

fn run(task: &str) -> anyhow::Result<Vec<String>> {
    let root = root()?;
    match task {
        "layering" => layering::check(&root),
        "tidy" => tidy::check(&root),
        other => bail!("there is no task {other:?}; there are layering and tidy"),
    }
}

/// The folder of the workspace that cargo runs this in. Not the one it was compiled in: clones that
/// share a target folder share this program too, and would check each other's files.
fn root() -> anyhow::Result<PathBuf> {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").context("run this as `cargo xtask`")?;
    let here = Path::new(&here);
    Ok(here
        .parent()
        .context("xtask lies in no folder")?
        .to_path_buf())
}
