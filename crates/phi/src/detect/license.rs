//! To be found here: license.

use super::Hits;
use crate::text::Page;

pub(super) fn at_number(_page: &Page<'_>, _index: usize, _hits: &mut Hits) {}

pub(super) fn at_mixed(_page: &Page<'_>, _index: usize, _hits: &mut Hits) {}
