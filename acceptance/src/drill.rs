//! For drills: folders that are kept and put back, small devices, processes that die.

#![expect(
    clippy::disallowed_methods,
    reason = "drills look at files, and change them, as a thief or a failing machine would"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use lakeward::{
    Place,
    wire_up::{self, InitOptions, InitStep, Limits, OpenLake, OpenOptions, Unlocked},
};
use lakeward_audit::Event;
use lakeward_clinic::{PlantKind, Planted, Scanner};
use lakeward_domain::{Code, Door, Hidden, Name};
use lakeward_engine::Session;

use crate::world::{ADMIN, PASSPHRASE, Rows, outcome};

/// Makes a lake in `folder/lake` and `folder/lake.state`.
///
/// # Errors
/// As [`wire_up::init`].
pub async fn init(folder: &Path, step: fn(InitStep)) -> lakeward::Result<()> {
    let options = InitOptions {
        lake: folder.join("lake"),
        state: None,
        kms: None,
        user: Name::parse(ADMIN).expect("a name"),
        passphrase: Hidden::new(PASSPHRASE.to_owned()),
        step,
    };
    wire_up::init(options).await.map(|_| ())
}

/// Opens `folder/lake`.
///
/// # Errors
/// As [`wire_up::open`].
pub async fn open(folder: &Path, limits: &Limits) -> lakeward::Result<OpenLake> {
    open_with(folder, limits, PASSPHRASE).await
}

/// Opens `folder/lake` with this passphrase.
///
/// # Errors
/// As [`wire_up::open`].
pub async fn open_with(
    folder: &Path,
    limits: &Limits,
    passphrase: &str,
) -> lakeward::Result<OpenLake> {
    wire_up::open(OpenOptions {
        lake: folder.join("lake"),
        state: None,
        passphrase: Hidden::new(passphrase.to_owned()),
        limits: limits.clone(),
    })
    .await
}

/// The keys of `folder/lake`, for opening it again and again without a passphrase.
pub async fn keys(folder: &Path) -> Unlocked {
    let place = Place::new(&folder.join("lake"), None).expect("folders");
    wire_up::unlock(&place, Hidden::new(PASSPHRASE.to_owned()))
        .await
        .expect("the keys")
}

/// A session of this user.
pub async fn login(lake: &OpenLake, user: &str) -> Session {
    let name = Name::parse(user).expect("a name");
    lake.engine
        .login(&name, None, Door::Cli)
        .await
        .expect("login")
}

/// What each of these users gets for each of these statements.
pub async fn answers(lake: &OpenLake, asked: &[(&str, &str)]) -> Vec<Result<Rows, Code>> {
    let mut answers = Vec::new();
    for (user, sql) in asked {
        let mut session = login(lake, user).await;
        answers.push(
            outcome(&mut session, sql)
                .await
                .map_err(|error| error.code()),
        );
    }
    answers
}

/// What recoveries the ledger knows of.
#[must_use]
pub fn recoveries(lake: &OpenLake) -> Vec<String> {
    let ledger = lake.engine.ledger();
    let entries = ledger.entries(0..ledger.size()).expect("entries");
    let recovered = entries
        .into_iter()
        .filter_map(|(_, entry)| match entry.event {
            Event::Recovered { what } => Some(what),
            _ => None,
        });
    recovered.collect()
}

/// A folder's files in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    files: BTreeMap<PathBuf, Vec<u8>>,
    folders: BTreeSet<PathBuf>,
}

impl Kept {
    /// The folder as it is now.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        let mut kept = Self {
            files: BTreeMap::new(),
            folders: BTreeSet::new(),
        };
        let mut left = vec![folder.to_owned()];
        while let Some(next) = left.pop() {
            for entry in fs::read_dir(next).expect("a folder") {
                let path = entry.expect("an entry").path();
                let name = path.strip_prefix(folder).expect("below").to_owned();
                if path.is_dir() {
                    kept.folders.insert(name);
                    left.push(path);
                } else {
                    kept.files.insert(name, fs::read(&path).expect("a file"));
                }
            }
        }
        kept
    }

    /// The files, by their path below the folder.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.files
            .iter()
            .map(|(path, bytes)| (path.as_path(), bytes.as_slice()))
    }

    /// Makes the folder what it was.
    pub fn put_back(&self, folder: &Path) {
        let now = Self::of(folder);
        for path in now
            .files
            .keys()
            .filter(|path| !self.files.contains_key(*path))
        {
            fs::remove_file(folder.join(path)).expect("removed");
        }
        for path in now
            .folders
            .difference(&self.folders)
            .collect::<Vec<_>>()
            .iter()
            .rev()
        {
            fs::remove_dir(folder.join(path)).expect("removed");
        }
        for path in &self.folders {
            fs::create_dir_all(folder.join(path)).expect("a folder");
        }
        for (path, bytes) in &self.files {
            if now.files.get(path) != Some(bytes) {
                fs::write(folder.join(path), bytes).expect("written");
            }
        }
    }

    /// Puts back only what lies below this path: yesterday's copy of a part.
    pub fn put_back_part(&self, folder: &Path, part: &Path) {
        let now = Self::of(folder);
        let within = |path: &&PathBuf| path.starts_with(part);
        for path in now
            .files
            .keys()
            .filter(within)
            .filter(|path| !self.files.contains_key(*path))
        {
            fs::remove_file(folder.join(path)).expect("removed");
        }
        for path in self.folders.iter().filter(within) {
            fs::create_dir_all(folder.join(path)).expect("a folder");
        }
        for (path, bytes) in self.files.iter().filter(|(path, _)| path.starts_with(part)) {
            fs::write(folder.join(path), bytes).expect("written");
        }
    }
}

/// Writes a file as it is told.
pub fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("written");
}

/// Removes a file.
pub fn remove(path: &Path) {
    fs::remove_file(path).expect("removed");
}

/// Makes a folder.
pub fn make_folder(path: &Path) {
    fs::create_dir_all(path).expect("a folder");
}

/// Removes an empty folder.
pub fn remove_folder(path: &Path) {
    fs::remove_dir(path).expect("removed");
}

/// A file's text, empty where there is no file.
#[must_use]
pub fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Adds a line to a file.
pub fn add_line(path: &Path, line: &str) {
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .expect("a file");
    writeln!(file, "{line}").expect("written");
}

/// The names in a folder, sorted.
#[must_use]
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<String> = entries
        .map(|entry| name(entry).to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Dies at once, as by `kill -9`.
pub fn die() -> ! {
    let me = rustix::process::getpid();
    rustix::process::kill_process(me, rustix::process::Signal::KILL).expect("killed");
    loop {
        std::thread::park();
    }
}

/// Runs a test of this binary in a process of its own and says by which signal it died.
#[must_use]
pub fn child(test: &str, environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", test, "--nocapture", "--include-ignored"])
        .envs(environment.iter().copied())
        .output()
        .expect("a child");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.signal(), said)
}

/// A scanner for these strings.
#[must_use]
pub fn scanner(planted: &[&str]) -> Scanner {
    let planted = planted
        .iter()
        .map(|text| (PlantKind::Ssn, (*text).to_owned()));
    Scanner::new(&Planted::new(planted)).expect("a scanner")
}

/// Nothing that was planted lies under the folder in any shape, and everything was looked at.
pub fn assert_sealed(scanner: &mut Scanner, folder: &Path) {
    scanner.take_report();
    scanner.scan_dir(folder).expect("a scan");
    let report = scanner.take_report();
    assert!(report.files > 0, "nothing was scanned");
    assert!(report.is_clean(), "{:?} {:?}", report.hits, report.unread);
}

/// A small device of its own, mounted over a folder until dropped.
#[derive(Debug)]
pub struct Device {
    at: PathBuf,
}

impl Device {
    /// Mounts one of so many bytes, or prints why not. In CI there must be one.
    #[must_use]
    pub fn mount(at: &Path, bytes: u64) -> Option<Self> {
        fs::create_dir_all(at).expect("a folder");
        let size = format!("size={bytes},mode=700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(at)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self { at: at.to_owned() });
        }
        assert!(
            std::env::var_os("CI").is_none(),
            "CI must be able to mount a tmpfs"
        );
        println!("skipped: a tmpfs cannot be mounted here");
        None
    }

    /// Fills it, but for so many bytes; [`Device::free`] undoes it.
    pub fn fill(&self, but_for: u64) {
        let mut file = fs::File::create(self.filler()).expect("a file");
        let block = vec![0_u8; 4096];
        while file.write_all(&block).is_ok() {}
        let length = file.metadata().expect("metadata").len();
        file.set_len(length.saturating_sub(but_for)).expect("cut");
    }

    /// Frees what was filled.
    pub fn free(&self) {
        fs::remove_file(self.filler()).expect("removed");
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // Detached at once, and gone when the last file on it is closed.
        let done = Command::new("umount").arg("-l").arg(&self.at).status();
        if !done.is_ok_and(|status| status.success()) {
            println!("could not unmount {}", self.at.display());
        }
    }
}
