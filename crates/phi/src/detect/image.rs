//! To be found here: image.

use super::Hits;
use crate::text::Page;

pub(super) fn find(_page: &Page<'_>, _hits: &mut Hits) {}
