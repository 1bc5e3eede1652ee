//! A synthetic clinic whose every identifier is known, and the scanner that looks for them.
//!
//! The clinic is made from a seed and streamed, never stored: the same [`Clinic`] gives the same
//! bytes, so whoever ingests it can ask afterwards for the [`Planted`] strings and let a
//! [`Scanner`] search everything that was written. The one thing to get wrong: a scan that finds
//! nothing proves nothing by itself. Run the same scanner over the plain bytes first (its positive
//! control), and look at what [`Report`] says it could not read.

mod clinic;
mod date;
mod encounter;
mod error;
mod note;
mod person;
mod planted;
mod random;
pub mod scan;
mod stream;
mod words;

pub use clinic::Clinic;
pub use error::{Error, Result};
pub use planted::{PlantKind, Planted};
pub use scan::{Report, Scanner};
