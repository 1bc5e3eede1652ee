//! The clinic: sizes and a seed, from which everything else follows.

use std::io::Read;

use crate::encounter::{CLAIMS_HEADER, Encounter, write_claim};
use crate::person::{Person, member_id};
use crate::planted::{PlantKind, Planted};
use crate::stream::Rows;

/// A synthetic clinic with several tenants.
///
/// A claim needs an encounter and an encounter needs a patient: where there is none of the
/// latter, the former stream has a header at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clinic {
    /// Rows of [`Clinic::patients_csv`].
    pub patients: usize,
    /// Lines of [`Clinic::encounters_ndjson`].
    pub encounters: usize,
    /// Rows of [`Clinic::claims_csv`].
    pub claims: usize,
    /// How many organisations share the lake.
    pub tenants: usize,
    /// Another seed, other people.
    pub seed: u64,
}

impl Clinic {
    /// The clinic of the demo.
    #[must_use]
    pub const fn demo() -> Self {
        Self {
            patients: 5_000,
            encounters: 50_000,
            claims: 200_000,
            tenants: 4,
            seed: 20_260_117,
        }
    }

    /// A clinic that a debug build makes in a blink.
    #[must_use]
    pub const fn small(seed: u64) -> Self {
        Self {
            patients: 200,
            encounters: 600,
            claims: 1_500,
            tenants: 3,
            seed,
        }
    }

    /// Patients with their nested contact, CSV with a header.
    pub fn patients_csv(&self) -> impl Read + Send + 'static + use<> {
        let clinic = *self;
        Rows::new(Person::HEADER, clinic.patient_rows(), move |index, out| {
            Person::of(&clinic, index).write_csv(out);
        })
    }

    /// Encounters with notes and nested payloads, one JSON object a line.
    pub fn encounters_ndjson(&self) -> impl Read + Send + 'static + use<> {
        let clinic = *self;
        let mut ignored = Vec::new();
        Rows::new("", clinic.encounter_rows(), move |index, out| {
            ignored.clear();
            Encounter::of(&clinic, index).write_json(&clinic, out, &mut ignored);
        })
    }

    /// Claims, CSV with a header.
    pub fn claims_csv(&self) -> impl Read + Send + 'static + use<> {
        let clinic = *self;
        Rows::new(CLAIMS_HEADER, clinic.claim_rows(), move |index, out| {
            write_claim(&clinic, index, out);
        })
    }

    /// How many patients come.
    #[must_use]
    pub const fn patient_rows(&self) -> usize {
        self.patients
    }

    /// How many encounters come.
    #[must_use]
    pub const fn encounter_rows(&self) -> usize {
        if self.patients == 0 {
            0
        } else {
            self.encounters
        }
    }

    /// How many claims come.
    #[must_use]
    pub const fn claim_rows(&self) -> usize {
        if self.encounter_rows() == 0 {
            0
        } else {
            self.claims
        }
    }

    /// Every identifier in the three streams, in each shape in which it occurs there.
    #[must_use]
    pub fn planted(&self) -> Planted {
        let mut found: Vec<(PlantKind, String)> = Vec::new();
        for index in 0..self.patient_rows() {
            Person::of(self, index).plant(&mut found);
        }
        let mut line = Vec::new();
        for index in 0..self.encounter_rows() {
            line.clear();
            Encounter::of(self, index).write_json(self, &mut line, &mut found);
        }
        let mut billed = vec![false; self.patients];
        for index in 0..self.claim_rows().min(self.encounter_rows()) {
            billed[Encounter::of(self, index).patient] = true;
        }
        for (index, _) in billed.iter().enumerate().filter(|(_, billed)| **billed) {
            found.push((PlantKind::HealthPlan, member_id(self, index)));
        }
        // "Amy Lee" turns up by chance; what is longer does not.
        Planted::new(
            found
                .into_iter()
                .filter(|(_, text)| text.len() >= LEAST_BYTES),
        )
    }
}

const LEAST_BYTES: usize = 9;

#[cfg(test)]
mod tests;
