//! `lakeward sql`: a statement, a file, or a session.
//!
//! A script stops at its first error. What a reader would get wrong: the error's position is that of
//! the statement, and the caret is drawn here, from the requester's own text; the engine never sends
//! text back.

mod complete;
mod session;

use std::io::{IsTerminal, Read};

use lakeward_domain::{Door, Purpose};
use lakeward_engine::Session;
use zeroize::Zeroizing;

use super::{Done, login, opened};
use crate::{Error, Out, Result, cli::Sql, config::Config, files};

/// Runs SQL.
///
/// # Errors
/// What the first failing statement says.
pub async fn run(args: Sql, config: &Config, out: &mut Out) -> Result<Done> {
    let text = match (args.command, &args.file) {
        (Some(command), _) => Some(Zeroizing::new(command)),
        (None, Some(path)) => Some(read(path)?),
        (None, None) => None,
    };
    let lake = opened(config, out).await?;
    let mut session = login(&lake, config, args.act_as.as_ref(), Door::Cli).await?;
    session.set_purpose(args.purpose.map(|name| Purpose {
        name,
        reference: args.reference,
    }));
    match text {
        Some(text) => script(&mut session, &text, out).await?,
        None => {
            let lines = if std::io::stdin().is_terminal() {
                session::Lines::terminal(args.history)?
            } else {
                session::Lines::piped(std::io::stdin())
            };
            session::run(&mut session, lines, out).await?;
        }
    }
    Ok(Done::Fine)
}

fn read(path: &std::path::Path) -> Result<Zeroizing<String>> {
    let failed = |error: std::io::Error| {
        Error::new(
            lakeward_domain::Code::SourceInvalid,
            format!("cannot read {}: {}", path.display(), error.kind()),
        )
    };
    if path.as_os_str() == "-" {
        let mut text = Zeroizing::new(String::new());
        std::io::stdin()
            .take(MOST_BYTES)
            .read_to_string(&mut text)
            .map_err(failed)?;
        return Ok(text);
    }
    Ok(Zeroizing::new(
        files::read_text(path, MOST_BYTES).map_err(failed)?,
    ))
}

/// Runs statements separated by semicolons, up to the first error.
///
/// # Errors
/// What that statement says.
pub async fn script(session: &mut Session, text: &str, out: &mut Out) -> Result<()> {
    let statements =
        lakeward_engine::split(text).map_err(|error| Error::from(error).in_text(text))?;
    for sql in statements {
        statement(session, &Zeroizing::new(sql), out).await?;
    }
    Ok(())
}

/// Runs one statement and prints its answer; gives the number of its rows.
///
/// # Errors
/// What the statement says.
pub async fn statement(session: &mut Session, sql: &str, out: &mut Out) -> Result<u64> {
    let answer = Box::pin(session.run(sql))
        .await
        .map_err(|error| Error::from(error).in_text(sql))?;
    out.answer(answer).await.map_err(|error| error.in_text(sql))
}

const MOST_BYTES: u64 = 64 << 20;
