//! Identifiers of patients: where they are, and what is to become of them.
//!
//! [`Detector`] finds identifiers in text, [`header`] in column names; [`scrub`] holds policies
//! that say what happens to each column, and [`transform`] the functions that do it. Nothing in here
//! does I/O, and nothing that leaves it (findings, errors, counts) holds a value from the data.

pub mod detect;
mod error;
pub mod header;
mod kind;
mod lexicon;
pub mod scrub;
mod text;
pub mod transform;
pub mod validate;
pub mod zip3;

pub use detect::Detector;
pub use error::{Error, Result};
pub use kind::{Confidence, Finding, Kind, KindSet, UnknownKind};
pub use scrub::{ScrubPolicy, scrub_text};
