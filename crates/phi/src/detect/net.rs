//! To be found here: net.

use super::Hits;
use crate::text::Page;

pub(super) fn at_number(_page: &Page<'_>, _index: usize, _hits: &mut Hits) {}

pub(super) fn find(_page: &Page<'_>, _hits: &mut Hits) {}
