//! To be found here: name.

use super::Hits;
use crate::text::Page;

pub(super) fn at_mixed(_page: &Page<'_>, _index: usize, _hits: &mut Hits) {}

pub(super) fn at_word(_page: &Page<'_>, _index: usize, _hits: &mut Hits) {}

pub(super) fn after_cues(_page: &Page<'_>, _hits: &mut Hits) {}
