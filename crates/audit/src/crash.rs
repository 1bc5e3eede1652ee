//! Crashes and full disks for real: child processes that are killed or meet the end of a disk.
//!
//! The children are this test binary itself, told by the environment what to do; without that
//! their tests do nothing.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use lakeward_domain::Code;

use crate::{
    Error, Event,
    sink::testing::{self as files, Folder},
    testing::{begin, create, join, open, public_key, run},
    verify::verify,
};

const CHILD: &str = "LAKEWARD_AUDIT_CHILD";

fn child_folder(part: &str) -> Option<PathBuf> {
    let value = env::var(CHILD).ok()?;
    Some(value.strip_prefix(part)?.strip_prefix(':')?.into())
}

fn child(part: &str, test: &str, dir: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{part}:{}", dir.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// The highest number that a child said was acknowledged, plus one. Stops after `lines` of them.
fn acknowledged(child: &mut Child, lines: usize) -> u64 {
    let output = BufReader::new(child.stdout.as_mut().unwrap());
    let mut count = 0;
    let mut seen = 0;
    for line in output.lines() {
        let line = line.unwrap();
        if let Some(number) = line.strip_prefix("acknowledged ") {
            count = count.max(number.parse::<u64>().unwrap() + 1);
            seen += 1;
            if seen == lines {
                break;
            }
        }
    }
    count
}

#[test]
fn appends_until_it_is_killed() {
    let Some(dir) = child_folder("kill") else {
        return;
    };
    let (ledger, _) = open(&dir).unwrap();
    for round in 0..100_000 {
        let appends = (0..5).map(|n| Box::pin(ledger.append(begin(round * 5 + n))));
        for result in run(join(appends.collect())) {
            println!("acknowledged {}", result.unwrap());
        }
    }
}

#[test]
fn killed_writers_lose_nothing_that_was_acknowledged() {
    let folder = Folder::new();
    drop(create(folder.path()));
    let mut repaired = 0;
    for round in 0..25 {
        let mut child = child("kill", "crash::appends_until_it_is_killed", folder.path())
            .spawn()
            .unwrap();
        // Different places of the way, and across the first tile.
        let told = acknowledged(&mut child, 11 + round * 5);
        child.kill().unwrap();
        child.wait().unwrap();
        let report = verify(folder.path(), &public_key(), None).unwrap();
        assert!(report.entries >= told);
        let (ledger, recovery) = open(folder.path()).unwrap();
        assert!(ledger.size() >= told);
        for (_, entry) in ledger.entries(0..u64::MAX).unwrap() {
            assert!(matches!(
                entry.event,
                Event::Begin { .. } | Event::Recovered { .. }
            ));
        }
        repaired += u32::from(recovery.happened());
    }
    let report = verify(folder.path(), &public_key(), None).unwrap();
    assert!(report.tiles > 0);
    println!("killed 25 times, repaired {repaired} times");
}

/// Appends until it fails, and checks how it fails.
fn appends_until_full(dir: &Path) -> u64 {
    let (ledger, _) = open(dir).unwrap();
    for number in 0.. {
        match run(ledger.append(begin(number))) {
            Ok(index) => println!("acknowledged {index}"),
            Err(error) => {
                assert_eq!(error.code(), Code::LedgerUnavailable);
                assert!(matches!(error, Error::Unavailable { .. }), "{error}");
                let next = run(ledger.append(begin(0))).unwrap_err();
                assert!(matches!(next, Error::Stopped));
                return ledger.size();
            }
        }
    }
    0
}

#[test]
fn appends_until_its_file_may_not_grow() {
    if let Some(dir) = child_folder("limit") {
        let size = appends_until_full(&dir);
        println!("stopped at {size}");
    }
}

#[test]
fn a_file_size_limit_ends_the_ledger_and_loses_nothing() {
    let folder = Folder::new();
    drop(create(folder.path()));
    let exec = child(
        "limit",
        "crash::appends_until_its_file_may_not_grow",
        folder.path(),
    );
    // With the signal ignored the limit is an error of the write, as a full disk is.
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""])
        .arg(exec.get_program())
        .args(exec.get_args())
        .env(CHILD, format!("limit:{}", folder.path().display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let told = acknowledged(&mut child, usize::MAX);
    assert!(child.wait().unwrap().success());
    assert!(told > 10, "{told}");
    let report = verify(folder.path(), &public_key(), None).unwrap();
    assert_eq!((report.entries, report.unsealed_bytes), (told, 0));
    let (ledger, recovery) = open(folder.path()).unwrap();
    assert!(!recovery.happened());
    assert_eq!(run(ledger.append(begin(1))).unwrap(), told);
}

/// A small disk, where this user may mount one.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path) -> Option<Self> {
        files::make_folder(at);
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
            .arg(at)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).status());
    }
}

#[test]
fn a_full_disk_loses_nothing_and_room_makes_it_work_again() {
    let folder = Folder::new();
    let Some(disk) = Disk::mount(&folder.path().join("disk")) else {
        println!("skipped: no tmpfs can be mounted here; the file size limit is tested instead");
        return;
    };
    let ballast = disk.0.join("ballast");
    files::write(&ballast, &[0; 64 << 10]);
    let dir = disk.0.join("ledger");
    drop(create(&dir));
    let size = appends_until_full(&dir);
    assert!(size > 10);
    let report = verify(&dir, &public_key(), None).unwrap();
    assert!(report.entries >= size);
    files::remove(&ballast);
    let (ledger, _) = open(&dir).unwrap();
    assert!(ledger.size() >= size);
    run(ledger.append(begin(1))).unwrap();
}
