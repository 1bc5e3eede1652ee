//! What a person configured: flags over environment over one TOML file over defaults.
//!
//! ```toml
//! lake = "/data/clinic"            # relative paths are relative to this file
//! state = "/secure/clinic.state"
//! user = "ann"
//! passphrase_file = "/run/credentials/lakeward"
//! memory = "4GiB"
//! spill_quota = "200GiB"
//! threads = 8
//! statement_timeout = "30min"
//! ```
//!
//! A passphrase is never a flag's value: other processes see flags. And no message repeats what the
//! file says: somebody will put a passphrase into it.

use std::{
    env, io,
    path::{Path, PathBuf},
    time::Duration,
};

use lakeward_domain::{Code, Hidden, Name};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{Error, Out, Place, Result, cli::Global, files, wire_up::Limits};

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    lake: Option<PathBuf>,
    state: Option<PathBuf>,
    user: Option<String>,
    passphrase_file: Option<PathBuf>,
    memory: Option<Amount>,
    spill_quota: Option<Amount>,
    threads: Option<usize>,
    statement_timeout: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Amount {
    Bytes(u64),
    Text(String),
}

impl Amount {
    fn bytes(&self) -> Result<u64> {
        match self {
            Self::Bytes(bytes) => Ok(*bytes),
            Self::Text(text) => parse_bytes(text).map_err(Error::usage),
        }
    }
}

/// Everything that commands need to know of their surroundings.
#[derive(Debug)]
pub struct Config {
    lake: Option<PathBuf>,
    state: Option<PathBuf>,
    user: Option<Name>,
    passphrase: PassphraseFrom,
    /// What an open lake may use.
    pub limits: Limits,
}

/// Where the passphrase comes from, in the order of precedence.
#[derive(Debug)]
enum PassphraseFrom {
    File(PathBuf),
    Environment(Hidden<String>),
    Terminal,
}

impl Config {
    /// Puts flags, environment and file together.
    ///
    /// # Errors
    /// [`Code::Usage`] for a file that was named and cannot be read, or any value that is none.
    pub fn load(flags: &Global) -> Result<Self> {
        let (file, folder) = match &flags.config {
            Some(path) => (read(path)?.ok_or_else(|| no_file(path))?, folder_of(path)),
            None => match default_path() {
                Some(path) => (read(&path)?.unwrap_or_default(), folder_of(&path)),
                None => (File::default(), PathBuf::new()),
            },
        };
        let in_folder = |path: &PathBuf| folder.join(expand(path));
        let defaults = Limits::default();
        let amount = |flag: Option<u64>, file: &Option<Amount>, default: u64| match (flag, file) {
            (Some(bytes), _) => Ok(bytes),
            (None, Some(amount)) => amount.bytes(),
            (None, None) => Ok(default),
        };
        let memory = amount(flags.memory, &file.memory, defaults.memory_bytes as u64)?;
        let limits = Limits {
            memory_bytes: usize::try_from(memory).unwrap_or(usize::MAX),
            spill_bytes: amount(flags.spill_quota, &file.spill_quota, defaults.spill_bytes)?,
            threads: flags
                .threads
                .or(file.threads)
                .unwrap_or(defaults.threads)
                .max(1),
            statement_timeout: match (flags.statement_timeout, &file.statement_timeout) {
                (Some(time), _) => time,
                (None, Some(text)) => parse_duration(text).map_err(Error::usage)?,
                (None, None) => defaults.statement_timeout,
            },
            ..defaults
        };
        let user = match (&flags.user, &file.user) {
            (Some(user), _) => Some(user.clone()),
            (None, Some(user)) => Some(Name::parse(user)?),
            (None, None) => None,
        };
        let secret = env::var("LAKEWARD_PASSPHRASE")
            .ok()
            .filter(|text| !text.is_empty());
        let secret_file = env::var_os("LAKEWARD_PASSPHRASE_FILE").map(PathBuf::from);
        let passphrase = match (
            &flags.passphrase_file,
            secret,
            secret_file,
            &file.passphrase_file,
        ) {
            (Some(path), ..) => PassphraseFrom::File(path.clone()),
            (None, Some(text), ..) => PassphraseFrom::Environment(Hidden::new(text)),
            (None, None, Some(path), _) => PassphraseFrom::File(path),
            (None, None, None, Some(path)) => PassphraseFrom::File(in_folder(path)),
            (None, None, None, None) => PassphraseFrom::Terminal,
        };
        Ok(Self {
            lake: flags
                .lake
                .clone()
                .or_else(|| file.lake.as_ref().map(in_folder)),
            state: flags
                .state
                .clone()
                .or_else(|| file.state.as_ref().map(in_folder)),
            user,
            passphrase,
            limits,
        })
    }

    /// The lake's folders.
    ///
    /// # Errors
    /// [`Code::LakeNotFound`] when no lake was named.
    pub fn place(&self) -> Result<Place> {
        let lake = self
            .lake
            .as_deref()
            .ok_or_else(|| Error::new(Code::LakeNotFound, "no lake was named"))?;
        Place::new(lake, self.state.as_deref())
    }

    /// The state folder, where one was named.
    #[must_use]
    pub fn state(&self) -> Option<&Path> {
        self.state.as_deref()
    }

    /// Who asks: the name that was given, or the operating system's.
    ///
    /// # Errors
    /// [`Code::Usage`] when there is neither.
    pub fn user(&self) -> Result<Name> {
        match &self.user {
            Some(user) => Ok(user.clone()),
            None => system_user()
                .ok_or_else(|| Error::usage("no user name: give --user or set LAKEWARD_USER")),
        }
    }

    /// The passphrase of a lake that is there.
    ///
    /// # Errors
    /// [`Code::Usage`] when there is none and nobody to ask.
    pub fn passphrase(&self, out: &mut Out) -> Result<Hidden<String>> {
        match &self.passphrase {
            PassphraseFrom::File(path) => from_file(path, out),
            PassphraseFrom::Environment(text) => Ok(text.clone()),
            PassphraseFrom::Terminal => ask("Passphrase: "),
        }
    }

    /// The passphrase of a lake that is to be made: typed twice where it is typed.
    ///
    /// # Errors
    /// As [`Config::passphrase`], and [`Code::Usage`] when the two differ.
    pub fn new_passphrase(&self, out: &mut Out) -> Result<Hidden<String>> {
        let first = match &self.passphrase {
            PassphraseFrom::Terminal => ask("New passphrase: ")?,
            PassphraseFrom::File(_) | PassphraseFrom::Environment(_) => {
                return self.passphrase(out);
            }
        };
        if ask("Once more: ")? == first {
            Ok(first)
        } else {
            Err(Error::usage("the two passphrases differ"))
        }
    }

    /// Whether a passphrase is at hand without asking a person.
    #[must_use]
    pub const fn has_passphrase(&self) -> bool {
        !matches!(self.passphrase, PassphraseFrom::Terminal)
    }
}

fn read(path: &Path) -> Result<Option<File>> {
    let text = match files::read_text(path, MOST_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let what = format!(
                "cannot read the configuration {}: {}",
                path.display(),
                error.kind()
            );
            return Err(Error::usage(what));
        }
    };
    match toml::from_str(&text) {
        Ok(file) => Ok(Some(file)),
        Err(error) => {
            let start = error.span().map_or(0, |span| span.start);
            let line = text
                .get(..start)
                .map_or(1, |before| before.matches('\n').count() + 1);
            let what = format!(
                "line {line} of the configuration {} is not understood; it knows {KEYS}",
                path.display()
            );
            Err(Error::usage(what))
        }
    }
}

fn no_file(path: &Path) -> Error {
    Error::usage(format!("the configuration {} is not there", path.display()))
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().map(Path::to_path_buf).unwrap_or_default()
}

fn default_path() -> Option<PathBuf> {
    let base = env::var_os("XDG_CONFIG_HOME")
        .filter(|base| !base.is_empty())
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".config")))?;
    Some(base.join("lakeward").join("config.toml"))
}

fn expand(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), env::var_os("HOME")) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => path.to_path_buf(),
    }
}

fn from_file(path: &Path, out: &mut Out) -> Result<Hidden<String>> {
    let failed = |error: io::Error| {
        let what = format!(
            "cannot read the passphrase file {}: {}",
            path.display(),
            error.kind()
        );
        Error::usage(what)
    };
    let text = Zeroizing::new(files::read_text(path, MOST_BYTES).map_err(failed)?);
    if files::mode(path).is_ok_and(|mode| mode & 0o077 != 0) {
        out.note(&format!(
            "others can read the passphrase file {}",
            path.display()
        ))?;
    }
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(Error::usage(format!(
            "the passphrase file {} is empty",
            path.display()
        )));
    }
    Ok(Hidden::new(text.to_owned()))
}

fn ask(prompt: &str) -> Result<Hidden<String>> {
    match rpassword::prompt_password(prompt) {
        Ok(text) if text.is_empty() => Err(Error::usage("the passphrase is empty")),
        Ok(text) => Ok(Hidden::new(text)),
        Err(_) => Err(Error::usage(
            "no passphrase: set LAKEWARD_PASSPHRASE, give --passphrase-file, or run it on a terminal",
        )),
    }
}

/// The name of whoever runs this process, from the user database, else from the environment.
fn system_user() -> Option<Name> {
    let id = rustix::process::getuid().as_raw().to_string();
    let users = files::read_text(Path::new("/etc/passwd"), 16 << 20).unwrap_or_default();
    let found = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    });
    let name = found
        .or_else(|| env::var("USER").ok())
        .or_else(|| env::var("LOGNAME").ok())?;
    Name::parse(&name).ok()
}

/// A number of bytes: `512MiB`, `2GB`, `4g`, `1048576`.
///
/// # Errors
/// A sentence, when it is none.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split_unit(text);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err(NO_AMOUNT.to_owned()),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| NO_AMOUNT.to_owned())
}

/// A length of time: `500ms`, `30s`, `5min`, `2h`; a number alone is in seconds.
///
/// # Errors
/// A sentence, when it is none.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split_unit(text);
    let millis: u64 = match unit.to_ascii_lowercase().as_str() {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(NO_DURATION.to_owned()),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(millis))
        .filter(|millis| *millis > 0)
        .map(Duration::from_millis)
        .ok_or_else(|| NO_DURATION.to_owned())
}

fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim())
}

const NO_AMOUNT: &str = "an amount is a number with B, KiB, MiB, GiB, TiB, kB, MB, GB or TB";
const NO_DURATION: &str = "a length of time is a number with ms, s, min or h";
const KEYS: &str =
    "lake, state, user, passphrase_file, memory, spill_quota, threads and statement_timeout";
const MOST_BYTES: u64 = 64 << 10;

#[cfg(test)]
mod tests;
