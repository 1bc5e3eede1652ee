//! Looks for every planted identifier in everything that was stored.
//!
//! A scan that finds nothing proves nothing by itself, so the same scanner first looks at the same
//! records in plaintext, held in memory, and has to find all of them.

use std::io::Read;

use lakeward_clinic::{Clinic, Report, Scanner};
use lakeward_domain::Code;

use super::stage::Stage;
use crate::{Error, Place, Result};

/// The scanner, and what it found in plaintext.
pub(super) struct Control {
    scanner: Scanner,
    stored: Looked,
    /// Identifiers that are looked for.
    pub(super) planted: usize,
    /// Of those, found in plaintext in memory.
    pub(super) found: usize,
}

/// What a look found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Looked {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) decoded_bytes: u64,
    pub(super) found: usize,
    pub(super) unread: usize,
}

impl From<&Report> for Looked {
    fn from(report: &Report) -> Self {
        Self {
            files: report.files,
            bytes: report.bytes,
            decoded_bytes: report.decoded_bytes,
            found: report.found(),
            unread: report.unread.len(),
        }
    }
}

/// Makes the scanner and looks at the records in memory.
pub(super) fn control(clinic: Clinic) -> Result<Control> {
    let planted = clinic.planted();
    let mut scanner = Scanner::new(&planted)?;
    let sources: [(&str, Box<dyn Read>); 3] = [
        ("memory/patients", Box::new(clinic.patients_csv())),
        ("memory/encounters", Box::new(clinic.encounters_ndjson())),
        ("memory/claims", Box::new(clinic.claims_csv())),
    ];
    for (place, mut source) in sources {
        let mut plain = Vec::new();
        source
            .read_to_end(&mut plain)
            .map_err(|_| Error::new(Code::Internal, "the clinic's stream broke off"))?;
        scanner.scan_bytes(place, &plain);
    }
    let report = scanner.take_report();
    Ok(Control {
        planted: planted.len(),
        found: report.found(),
        stored: Looked::default(),
        scanner,
    })
}

impl Control {
    /// Looks into the files that this process holds open and that have no name.
    pub(super) fn deleted(&mut self) -> Result<Looked> {
        self.scanner.scan_deleted()?;
        let looked = Looked::from(&self.scanner.take_report());
        self.stored.found += looked.found;
        self.stored.unread += looked.unread;
        Ok(looked)
    }

    /// Looks into every byte under the lake and its state, the folder for temporary files in it.
    pub(super) fn everything(&mut self, place: &Place, stage: &mut Stage<'_>) -> Result<Looked> {
        for folder in [place.lake(), place.state()] {
            self.scanner.scan_dir(folder)?;
        }
        self.scanner.scan_deleted()?;
        let report = self.scanner.take_report();
        let mut looked = Looked::from(&report);
        stage.say(&format!(
            "Every byte of {} files ({} MiB, and {} MiB after undoing what looked like a codec) under",
            looked.files,
            looked.bytes >> 20,
            looked.decoded_bytes >> 20
        ))?;
        stage.say(&format!(
            "{} and {}, tmp and /proc/self/fd included;",
            place.lake().display(),
            place.state().display()
        ))?;
        stage.say(
            "as they are, in UTF-16, base64, hex, reversed, flipped, and inside Parquet pages.",
        )?;
        for hit in report.hits.iter().take(10) {
            stage.say(&format!(
                "  FOUND {} times: a {} in {}",
                hit.count,
                hit.kind.as_str(),
                hit.place
            ))?;
        }
        for unread in report.unread.iter().take(10) {
            stage.say(&format!("  NOT READ: {}: {}", unread.place, unread.reason))?;
        }
        looked.found += self.stored.found;
        looked.unread += self.stored.unread;
        stage.say("")?;
        stage.say(&format!(
            "planted identifiers found in plaintext: {} of {}",
            looked.found, self.planted
        ))?;
        stage.say(&format!(
            "positive control, the same scanner over the plaintext held in memory: {} of {}",
            self.found, self.planted
        ))?;
        Ok(looked)
    }
}
