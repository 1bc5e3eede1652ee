//! `lakeward completions`.

use clap::CommandFactory;

use super::Done;
use crate::{Out, Result, cli::Cli};

/// Prints a shell's completions.
///
/// # Errors
/// Failures to write.
pub fn run(shell: clap_complete::Shell, out: &mut Out) -> Result<Done> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "lakeward", &mut script);
    out.line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Done::Fine)
}
