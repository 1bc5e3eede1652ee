//! Health plan beneficiary numbers that are known by their form: Medicare's MBI. Others need a keyword.

use super::Hits;
use crate::{Confidence, Kind, text::Page, validate};

pub(super) fn at_mixed(page: &Page<'_>, index: usize, hits: &mut Hits) {
    // Written in one, or as 4-3-4.
    for parts in [1, 3] {
        let last = index + parts - 1;
        let joined = (index..last).all(|i| matches!(page.after(i), b"-" | b" "));
        if page.token(last).is_some() && joined && validate::mbi(&page.join(index..last + 1)) {
            hits.add(
                page.span(index, last),
                Kind::HealthPlan,
                Confidence::Certain,
            );
        }
    }
}
