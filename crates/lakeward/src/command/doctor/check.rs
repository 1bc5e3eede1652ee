//! What a check found, and the questions to the operating system.

use std::{io, path::Path};

use crate::{Error, files};

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Fine,
    /// Good to know.
    Note,
    /// Not as it should be.
    Finding,
}

impl Verdict {
    /// One word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Note => "note",
            Self::Finding => "FINDING",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// In words.
    pub detail: String,
}

/// Checks as they are made.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<Check>);

impl Checks {
    pub(super) fn fine(&mut self, name: &'static str, detail: impl Into<String>) {
        self.add(name, Verdict::Fine, detail);
    }

    pub(super) fn note(&mut self, name: &'static str, detail: impl Into<String>) {
        self.add(name, Verdict::Note, detail);
    }

    pub(super) fn finding(&mut self, name: &'static str, detail: impl Into<String>) {
        self.add(name, Verdict::Finding, detail);
    }

    pub(super) fn failed(&mut self, name: &'static str, error: &Error) {
        self.add(
            name,
            Verdict::Finding,
            format!("{}: {}", error.code(), error.cause()),
        );
    }

    fn add(&mut self, name: &'static str, verdict: Verdict, detail: impl Into<String>) {
        self.0.push(Check {
            name,
            verdict,
            detail: detail.into(),
        });
    }

    pub(super) fn done(self) -> Vec<Check> {
        self.0
    }
}

/// Free bytes of a path's device, and their share in percent.
pub(super) fn space(path: &Path) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::statvfs(path)?;
    let share = (stat.f_bavail * 100)
        .checked_div(stat.f_blocks)
        .unwrap_or(0);
    Ok((stat.f_bavail.saturating_mul(stat.f_frsize), share))
}

/// How many swap areas there are.
pub(super) fn swap() -> Option<usize> {
    let text = files::read_text(Path::new("/proc/swaps"), 1 << 20).ok()?;
    Some(
        text.lines()
            .skip(1)
            .filter(|line| !line.trim().is_empty())
            .count(),
    )
}

/// Bytes for people.
pub(super) fn amount(bytes: u64) -> String {
    match bytes {
        0..=0x3fff_ffff => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}
