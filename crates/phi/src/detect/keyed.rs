//! To be found here: keyed.

use super::Hits;
use crate::text::Page;

pub(super) fn at_mixed(_page: &Page<'_>, _index: usize, _hits: &mut Hits) {}

pub(super) fn find(_page: &Page<'_>, _hits: &mut Hits) {}
