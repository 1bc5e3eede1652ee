//! `lakeward doctor`: looks a lake over, and says what is not as it should be.
//!
//! A check that cannot be made is a finding, so that one broken room does not hide the others. Only a
//! wrong passphrase ends it: nothing was looked at then.

mod check;

use lakeward_audit::verify;
use lakeward_domain::{Code, Duty};
use lakeward_keys::KmsUri;

use super::{Done, out::text_batch};
use crate::{
    Error, Out, Place, Result,
    config::Config,
    files,
    wire_up::{LEDGER, LakeRecord, Unlocked, open_unlocked, unlock},
};

use check::Checks;
pub use check::{Check, Verdict};

/// Looks a lake over.
///
/// # Errors
/// [`Code::WrongPassphrase`], and when no lake was named or found.
pub async fn run(config: &Config, out: &mut Out) -> Result<Done> {
    let place = config.place()?;
    LakeRecord::read(&place)?;
    let passphrase = config.passphrase(out)?;
    let unlocked = unlock(&place, passphrase).await;
    let checks = match unlocked {
        Ok(unlocked) => examine(&unlocked, config).await,
        Err(error) if error.code() == Code::WrongPassphrase => return Err(error),
        Err(error) => {
            let mut checks = Checks::default();
            checks.failed("keys", &error);
            folders(&place, &mut checks);
            checks.done()
        }
    };
    let rows: Vec<Vec<Option<String>>> = checks
        .iter()
        .map(|check| {
            vec![
                Some(check.name.to_owned()),
                Some(check.verdict.as_str().to_owned()),
                Some(check.detail.clone()),
            ]
        })
        .collect();
    out.batch(&text_batch(&["check", "verdict", "detail"], &rows)?)?;
    let found = checks
        .iter()
        .filter(|check| check.verdict == Verdict::Finding)
        .count();
    out.note(&match found {
        0 => "nothing found".to_owned(),
        1 => "1 finding".to_owned(),
        found => format!("{found} findings"),
    })?;
    Ok(if found == 0 {
        Done::Fine
    } else {
        Done::Findings
    })
}

/// All checks of a lake whose keys are at hand.
pub async fn examine(unlocked: &Unlocked, config: &Config) -> Vec<Check> {
    let mut checks = Checks::default();
    checks.fine("keys", "keystore and lake.json authenticate");
    folders(&unlocked.place, &mut checks);
    keystore(unlocked, &mut checks);
    ledger(unlocked, &mut checks);
    match open_unlocked(unlocked.clone(), &config.limits).await {
        Ok(lake) => {
            checks.fine("lock", "this process could take the lake");
            let state = lake.engine.state();
            checks.fine(
                "catalog",
                format!(
                    "verifies at epoch {} with {} tables, and is the one that the ledger has seen",
                    state.epoch,
                    state.tables().count()
                ),
            );
            duties(&state, &mut checks);
        }
        Err(error) if error.code() == Code::LakeBusy => {
            checks.note(
                "lock",
                "another process holds the lake; catalog and duties were not looked at",
            );
        }
        Err(error) => checks.failed("catalog", &error),
    }
    checks.done()
}

fn folders(place: &Place, checks: &mut Checks) {
    for (name, path, most) in [
        ("state folder", place.state().to_path_buf(), 0o700),
        ("keystore", place.keystore(), 0o600),
        ("lake.json", place.record(), 0o600),
        ("catalog", place.catalog(), 0o600),
    ] {
        match files::mode(&path) {
            Ok(mode) if mode & !most == 0 => checks.fine(name, format!("mode {mode:03o}")),
            Ok(mode) => checks.finding(
                name,
                format!(
                    "mode {mode:03o} lets others in; chmod {most:03o} {}",
                    path.display()
                ),
            ),
            // A keystore may lie elsewhere; what must be here is missed by the checks that open it.
            Err(_) => {}
        }
    }
    if place.state().starts_with(place.lake()) {
        checks.finding(
            "state folder",
            "lies under the lake's folder: whoever copies the data copies keystore and catalog with it",
        );
    }
    for (name, path) in [
        ("space of the lake", place.lake()),
        ("space of the state", place.state()),
    ] {
        match check::space(path) {
            Ok((free, share)) if free < LEAST_FREE_BYTES || share < LEAST_FREE_PERCENT => {
                checks.finding(name, format!("{} free ({share} %)", check::amount(free)));
            }
            Ok((free, share)) => {
                checks.fine(name, format!("{} free ({share} %)", check::amount(free)));
            }
            Err(error) => checks.failed(name, &Error::io("ask for free space")(error)),
        }
    }
    match check::swap() {
        Some(0) => checks.fine("swap", "none: keys in memory stay in memory"),
        Some(count) => checks.note(
            "swap",
            format!("{count} swap areas; keys may be swapped out, so they should be encrypted"),
        ),
        None => checks.note("swap", "this system does not say"),
    }
}

fn keystore(unlocked: &Unlocked, checks: &mut Checks) {
    let place = &unlocked.place;
    match unlocked.record.kms.parse::<KmsUri>() {
        Ok(KmsUri::Local(path)) => {
            let path = place.state().join(path);
            if path.starts_with(place.lake()) {
                checks.finding(
                    "keystore's place",
                    "lies under the lake's folder: data and keys would be copied together",
                );
            } else {
                checks.fine("keystore's place", "apart from the data");
            }
        }
        Ok(_) => {}
        Err(error) => checks.failed("keystore's place", &error.into()),
    }
}

fn ledger(unlocked: &Unlocked, checks: &mut Checks) {
    let verified = unlocked.record.public_key().and_then(|key| {
        let sealer = unlocked.keys.sealer(LEDGER);
        let folder = unlocked.place.ledger();
        Ok(verify::verify_with_sealer(
            &folder,
            &key,
            None,
            sealer.as_ref(),
        )?)
    });
    let report = match verified {
        Ok(report) => report,
        Err(error) => return checks.failed("ledger", &error),
    };
    checks.fine(
        "ledger",
        format!("verifies with {} entries", report.entries),
    );
    match report.dangling.map_or(0, |dangling| dangling.len()) {
        0 => checks.fine("statements", "each has its end in the ledger"),
        count => checks.finding(
            "statements",
            format!("{count} began and have no end; each counts as fully disclosed (audit verify)"),
        ),
    }
}

fn duties(state: &lakeward_catalog::State, checks: &mut Checks) {
    let mut found = false;
    for user in state.users() {
        let lakeward_domain::Principal::User {
            name,
            duties,
            disabled: false,
            ..
        } = user
        else {
            continue;
        };
        let apart: Vec<String> = APART
            .iter()
            .filter(|duty| duties.contains(duty))
            .map(ToString::to_string)
            .collect();
        if apart.len() > 1 {
            found = true;
            checks.finding(
                "duties",
                format!("duties not separated: {name} holds {}", apart.join(", ")),
            );
        }
    }
    if !found {
        checks.fine("duties", "separated");
    }
}

/// Duties that should be different people's. A data steward or impersonator may hold another.
const APART: [Duty; 5] = [
    Duty::SystemAdmin,
    Duty::PolicyAdmin,
    Duty::IdentityAdmin,
    Duty::KeyOfficer,
    Duty::Auditor,
];
const LEAST_FREE_BYTES: u64 = 1 << 30;
const LEAST_FREE_PERCENT: u64 = 3;
