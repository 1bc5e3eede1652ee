//! Stops an ingest of which too much does not fit.
//!
//! A few bad records are normal and go to quarantine. Many mean the wrong file, delimiter or policy;
//! then nothing more is committed.

use std::collections::BTreeMap;

use crate::{
    error::{Error, Result},
    source::Reason,
};

/// The first records, of which one in ten may be bad.
const FIRST: u64 = 1000;
/// One bad record proves nothing, however short the source.
const ALONE: u64 = 1;

/// Counts bad records.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    records: u64,
    bad: u64,
    reasons: BTreeMap<Reason, u64>,
    early_judged: bool,
}

impl Breaker {
    /// Counts the records of a batch and the bad among them.
    pub(crate) fn add(&mut self, records: usize, bad: &[Reason]) -> Result<()> {
        self.records += records as u64;
        self.bad += bad.len() as u64;
        for reason in bad {
            *self.reasons.entry(*reason).or_default() += 1;
        }
        if self.records >= FIRST {
            self.judge()?;
        }
        Ok(())
    }

    /// The last judgement, over all records.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.judge()
    }

    /// Records that were bad.
    pub(crate) const fn bad(&self) -> u64 {
        self.bad
    }

    fn judge(&mut self) -> Result<()> {
        let early = !self.early_judged || self.records <= FIRST;
        self.early_judged = self.records >= FIRST;
        // A batch is longer than the first thousand: what is bad in it counts against a thousand.
        let first = self.records.min(FIRST);
        let many = self.bad > ALONE
            && ((early && self.bad * 10 > first)
                || (self.records > FIRST && self.bad * 100 > self.records));
        if many {
            let reason = self
                .reasons
                .iter()
                .max_by_key(|(_, count)| **count)
                .map_or("unknown", |(reason, _)| reason.as_str());
            return Err(Error::TooManyBad {
                bad: self.bad,
                records: self.records,
                reason,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(batches: &[(usize, usize)]) -> Result<()> {
        let mut breaker = Breaker::default();
        for (records, bad) in batches {
            breaker.add(*records, &vec![Reason::Ragged; *bad])?;
        }
        breaker.finish()
    }

    #[test]
    fn too_many_bad_records_stop_an_ingest() {
        for (batches, stops) in [
            (&[(5_usize, 1_usize)] as &[(usize, usize)], false),
            (&[(5, 2)], true),
            (&[(999, 99)], false),
            (&[(999, 101)], true),
            (&[(1000, 100)], false),
            (&[(1000, 101)], true),
            (&[(8192, 81)], false),
            (&[(8192, 82)], true),
            (&[(8192, 0), (8192, 163)], false),
            (&[(8192, 0), (8192, 164)], true),
        ] {
            assert_eq!(after(batches).is_err(), stops, "{batches:?}");
        }
    }
}
