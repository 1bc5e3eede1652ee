//! What each place of a source holds: the verdict over its name and its sampled values.

use lakeward_domain::LogicalType;
use lakeward_phi::{
    Detector, Kind, header,
    scrub::{ColumnHint, Sampler},
};

use crate::infer::Shape;

/// What is known about a place, and the type that it gets if its values stay.
pub(crate) struct Place {
    pub(crate) hint: ColumnHint,
    pub(crate) data_type: LogicalType,
}

/// Judges one place: a column or a path.
pub(crate) fn place(
    detector: &Detector,
    path: &str,
    shape: &Shape,
    inferred: LogicalType,
) -> Place {
    let mut sampler = Sampler::new(detector, path);
    for value in &shape.samples {
        sampler.observe(value);
    }
    let verdict = sampler.verdict();
    let kind = header::kind_of(path).or(verdict.kind);
    let data_type = if kind.is_some_and(is_code) && is_whole(&inferred) {
        LogicalType::String
    } else {
        inferred
    };
    let hint = ColumnHint {
        name: path.to_owned(),
        data_type: Some(data_type.clone()),
        verdict: verdict.kind,
        free_text: verdict.free_text,
    };
    Place { hint, data_type }
}

/// Kinds that are written with digits and are no numbers: nobody adds up zip codes, and the next file
/// may hold one with a leading zero.
const fn is_code(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Zip
            | Kind::Ssn
            | Kind::Mrn
            | Kind::Phone
            | Kind::Fax
            | Kind::HealthPlan
            | Kind::Account
            | Kind::License
            | Kind::Vehicle
            | Kind::Device
    )
}

const fn is_whole(data_type: &LogicalType) -> bool {
    matches!(data_type, LogicalType::BigInt | LogicalType::Decimal(_, 0))
}
