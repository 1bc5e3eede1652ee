//! `lakeward init`.

use super::Done;
use crate::{
    Out, Place, Result,
    cli::Init,
    config::Config,
    wire_up::{InitOptions, init},
};

/// Makes a lake.
///
/// # Errors
/// What [`init`] says.
pub async fn run(args: Init, config: &Config, out: &mut Out) -> Result<Done> {
    let state = config.state().map(std::path::Path::to_path_buf);
    // Refused before anybody types a passphrase twice.
    let place = Place::new(&args.folder, state.as_deref())?;
    crate::wire_up::refuse_what_is_there(&place)?;
    let user = config.user()?;
    let done = init(InitOptions {
        lake: args.folder,
        state,
        kms: args.kms,
        user: user.clone(),
        passphrase: config.new_passphrase(out)?,
        step: |_| (),
    })
    .await?;
    let lake = done.place.lake().display();
    out.note(&format!("lake {} made", done.lake))?;
    out.note(&format!("  data      {lake}"))?;
    out.note(&format!("  state     {}", done.place.state().display()))?;
    out.note(&format!(
        "  user      {user}, who holds all duties until they are separated (lakeward doctor)"
    ))?;
    out.note("Without the passphrase and the state folder nobody can read the lake, nor can you:")?;
    out.note("keep a copy of the keystore and of lake.json apart from the data.")?;
    out.note(
        "Keep this checkpoint elsewhere too; against it an older copy of the ledger is noticed:",
    )?;
    for line in done.checkpoint.lines() {
        out.line(line)?;
    }
    out.note(&format!("Next: lakeward sql --lake {lake}"))?;
    Ok(Done::Fine)
}
