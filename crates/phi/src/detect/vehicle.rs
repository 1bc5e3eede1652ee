//! Vehicle identification numbers that their check digit confirms. Plates need a keyword.

use super::Hits;
use crate::{Confidence, Kind, text::Page, validate};

pub(super) fn at_mixed(page: &Page<'_>, index: usize, hits: &mut Hits) {
    if validate::vin(page.text(index).as_bytes()) {
        hits.add(page.span(index, index), Kind::Vehicle, Confidence::Certain);
    }
}
