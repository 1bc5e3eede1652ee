//! The list of strings that must be found nowhere.
//!
//! A string is listed in the shape in which it occurs. Dates in ISO form, cities and five-digit
//! zips are not listed although they identify people: they turn up by chance in innocent files.

use std::collections::BTreeSet;

/// What a planted string is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PlantKind {
    /// Social security number, of any shape.
    Ssn,
    /// Medical record number.
    Mrn,
    /// A person's name.
    Name,
    /// House number and street.
    Address,
    /// Telephone number.
    Phone,
    /// E-mail address.
    Email,
    /// Member number of a health plan.
    HealthPlan,
    /// A date of birth as notes write it.
    Date,
}

impl PlantKind {
    /// One word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ssn => "ssn",
            Self::Mrn => "mrn",
            Self::Name => "name",
            Self::Address => "address",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::HealthPlan => "health_plan",
            Self::Date => "date",
        }
    }
}

/// Every planted string once, in a stable order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Planted {
    /// Kind and string.
    pub identifiers: Vec<(PlantKind, String)>,
}

impl Planted {
    /// A list without its duplicates.
    pub fn new(identifiers: impl IntoIterator<Item = (PlantKind, String)>) -> Self {
        let distinct: BTreeSet<_> = identifiers.into_iter().collect();
        Self {
            identifiers: distinct.into_iter().collect(),
        }
    }

    /// How many distinct strings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.identifiers.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.identifiers.is_empty()
    }

    /// How many distinct strings of one kind.
    #[must_use]
    pub fn count(&self, kind: PlantKind) -> usize {
        self.identifiers.iter().filter(|(k, _)| *k == kind).count()
    }
}

// Synthetic or not, a list of identifiers does not belong into a log.
impl std::fmt::Debug for Planted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Planted")
            .field("identifiers", &self.identifiers.len())
            .finish()
    }
}
