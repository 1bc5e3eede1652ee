//! To be found here: phone.

use super::Hits;
use crate::text::Page;

pub(super) fn at(_page: &Page<'_>, _index: usize, _hits: &mut Hits) {}
