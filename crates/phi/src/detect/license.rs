//! NPI and DEA numbers, which their checksums confirm. Driving licences need a keyword: their forms
//! (`D3`, twelve capitals) fit anything.

use super::Hits;
use crate::{Confidence, Kind, lexicon::Cue, text::Page, validate};

pub(super) fn at_number(page: &Page<'_>, index: usize, hits: &mut Hits) {
    if page.digits(index, 10)
        && validate::npi(page.text(index).as_bytes())
        && !page.codes
        && !page.glued_before(index)
        && !page.glued_after(index)
    {
        let range = page.span(index, index);
        let said = page.near(&range, &[Cue::License]);
        if said || !page.near(&range, &[Cue::Code, Cue::Measure]) {
            hits.add(
                range,
                Kind::License,
                if said {
                    Confidence::Certain
                } else {
                    Confidence::Possible
                },
            );
        }
    }
}

pub(super) fn at_mixed(page: &Page<'_>, index: usize, hits: &mut Hits) {
    if validate::dea(page.text(index).as_bytes()) {
        let range = page.span(index, index);
        let said = page.near(&range, &[Cue::License]);
        let upper = page.text(index).bytes().all(|b| !b.is_ascii_lowercase());
        if said || upper {
            hits.add(
                range,
                Kind::License,
                if said {
                    Confidence::Certain
                } else {
                    Confidence::Likely
                },
            );
        }
    }
}
