//! The kinds of identifiers: 45 CFR 164.514(b)(2)(i), letters A to R.
//!
//! The rule's letter B (geography) and C (dates and ages over 89) are split into the kinds that
//! need different treatment, so there are more kinds than letters.

use std::{fmt, ops::Range, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $label:literal, $rule:literal;)*) => {
        /// A kind of identifier.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind {
            $($(#[$doc])* $variant,)*
        }

        impl Kind {
            /// Every kind, in the rule's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word that policies and tags use.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// What stands in a text in place of the identifier.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }

            /// The letter of 164.514(b)(2)(i) that names it.
            #[must_use]
            pub const fn rule(self) -> char {
                match self { $(Self::$variant => $rule,)* }
            }
        }
    };
}

kinds! {
    /// A person's name, or a part of it.
    Name = "name", "[NAME]", 'A';
    /// A street address, post box, or the name of a hospital, clinic or other place.
    Address = "address", "[ADDRESS]", 'B';
    /// A city, county, precinct or birthplace.
    City = "city", "[CITY]", 'B';
    /// A zip code.
    Zip = "zip", "[ZIP]", 'B';
    /// Coordinates, a census tract or another geocode.
    Geo = "geo", "[GEO]", 'B';
    /// An element of a date finer than the year.
    Date = "date", "[DATE]", 'C';
    /// An age over 89.
    Age = "age", "[AGE]", 'C';
    /// A telephone number.
    Phone = "phone", "[PHONE]", 'D';
    /// A fax number.
    Fax = "fax", "[FAX]", 'E';
    /// An e-mail address.
    Email = "email", "[EMAIL]", 'F';
    /// A social security or individual taxpayer number.
    Ssn = "ssn", "[SSN]", 'G';
    /// A medical record number.
    Mrn = "mrn", "[MRN]", 'H';
    /// A health plan beneficiary number.
    HealthPlan = "health_plan", "[HEALTH_PLAN]", 'I';
    /// An account, card or bank number.
    Account = "account", "[ACCOUNT]", 'J';
    /// A certificate or licence number: driving licence, passport, NPI, DEA.
    License = "license", "[LICENSE]", 'K';
    /// A vehicle identifier or licence plate.
    Vehicle = "vehicle", "[VEHICLE]", 'L';
    /// A device identifier or serial number.
    Device = "device", "[DEVICE]", 'M';
    /// A web address.
    Url = "url", "[URL]", 'N';
    /// An IP address.
    Ip = "ip", "[IP]", 'O';
    /// A finger or voice print, or its template's number.
    Biometric = "biometric", "[BIOMETRIC]", 'P';
    /// A full-face photograph or comparable image, or a file of one.
    Photo = "photo", "[PHOTO]", 'Q';
    /// Any other unique number, characteristic or code.
    OtherId = "other_id", "[ID]", 'R';
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of identifier")]
pub struct UnknownKind;

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownKind)
    }
}

/// A set of kinds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct KindSet(u32);

impl KindSet {
    /// No kind.
    pub const NONE: Self = Self(0);
    /// Every kind.
    pub const ALL: Self = Self((1 << Kind::ALL.len()) - 1);

    /// The set with one more kind.
    #[must_use]
    pub const fn with(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind as u32)
    }

    /// The set without a kind.
    #[must_use]
    pub const fn without(self, kind: Kind) -> Self {
        Self(self.0 & !(1 << kind as u32))
    }

    /// Whether the kind is in the set.
    #[must_use]
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u32 != 0
    }

    /// The kinds in the set, in the rule's order.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL
            .iter()
            .copied()
            .filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<Kind> for KindSet {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for KindSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for KindSet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for KindSet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Kind>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}

/// How sure a detector is. All three are replaced; the difference is for reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The form alone fits.
    Possible,
    /// The form and its surroundings fit.
    Likely,
    /// A validator or an unmistakable form agrees.
    Certain,
}

/// An identifier in a text. Says where and what, never the value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Finding {
    /// Bytes of the text; both ends are character boundaries.
    pub range: Range<usize>,
    /// What it is.
    pub kind: Kind,
    /// How sure the detector is.
    pub confidence: Confidence,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_from_its_word_and_fits_the_set() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse::<Kind>(), Ok(*kind));
            assert!(KindSet::ALL.contains(*kind));
            assert!(!KindSet::ALL.without(*kind).contains(*kind));
        }
        assert_eq!(KindSet::ALL.iter().count(), Kind::ALL.len());
    }

    #[test]
    fn the_kinds_cover_the_letters_a_to_r() {
        let letters: std::collections::BTreeSet<char> =
            Kind::ALL.iter().map(|kind| kind.rule()).collect();
        assert_eq!(letters, ('A'..='R').collect());
    }
}
