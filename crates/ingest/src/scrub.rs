//! One value through its plan.
//!
//! Values come as text and leave as text: a date is scrubbed as it was written, then typed. What a
//! transform cannot treat is bad, and its whole record goes to quarantine.

use std::{borrow::Cow, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lakeward_phi::{
    Detector, Kind, KindSet,
    scrub::{Applied, Transform, apply_with, scrub_kinds},
};

use crate::{
    json::{self, Json},
    layout::Leaf,
};

/// What became of a value.
pub(crate) enum Scrubbed<'a> {
    Text(Cow<'a, str>),
    Null,
    Bad,
}

/// Kinds found within texts, and how often.
pub(crate) type Found = Vec<(Kind, usize)>;

/// Puts a value that is not NULL through its plan. What is replaced within a text is added to `found`.
pub(crate) fn value<'a>(
    leaf: &Leaf,
    detector: &Detector,
    text: Cow<'a, str>,
    found: &mut Found,
) -> Scrubbed<'a> {
    match &leaf.action {
        Transform::Keep => Scrubbed::Text(text),
        Transform::ScrubText(kinds) if leaf.as_json => match json::parse(&text) {
            Ok(value) => {
                let scrubber = JsonScrubber {
                    detector,
                    kinds: *kinds,
                };
                let value = scrubber.value(&value, &leaf.counted.path.raw, found);
                let mut out = String::with_capacity(text.len());
                json::write(&value, &mut out);
                Scrubbed::Text(Cow::Owned(out))
            }
            Err(_) => Scrubbed::Bad,
        },
        Transform::ScrubText(kinds) => {
            match scrub_text(detector, &text, &leaf.counted.path.raw, *kinds, found) {
                Some(Some(changed)) => Scrubbed::Text(Cow::Owned(changed)),
                Some(None) => Scrubbed::Text(text),
                None => Scrubbed::Bad,
            }
        }
        action => {
            let key = |_: &str| leaf.key.clone().unwrap_or_else(|| Arc::new(NoKey));
            match apply_with(action, detector, Some(&leaf.counted.path.raw), &text, &key) {
                Applied::Kept => Scrubbed::Text(text),
                Applied::Changed(changed) => Scrubbed::Text(Cow::Owned(changed)),
                Applied::Null => Scrubbed::Null,
                Applied::Failed(_) => Scrubbed::Bad,
            }
        }
    }
}

/// Stands where no plan asks for a key.
#[derive(Debug)]
struct NoKey;

impl lakeward_domain::TokenKey for NoKey {
    fn token(&self, _: &[u8]) -> [u8; 32] {
        [0; 32]
    }
}

/// `None` if the text is encoded and cannot be read, `Some(None)` if nothing was found.
#[expect(
    clippy::option_option,
    reason = "unreadable and unchanged are different things"
)]
fn scrub_text(
    detector: &Detector,
    text: &str,
    path: &str,
    kinds: KindSet,
    found: &mut Found,
) -> Option<Option<String>> {
    match encoded(text) {
        Encoded::No => {
            let (scrubbed, counts) = scrub_kinds(detector, text, Some(path), kinds);
            found.extend(counts);
            Some(match scrubbed {
                Cow::Borrowed(_) => None,
                Cow::Owned(changed) => Some(changed),
            })
        }
        Encoded::Text(inner) => {
            let (scrubbed, counts) = scrub_kinds(detector, &inner, Some(path), kinds);
            found.extend(counts);
            Some(match scrubbed {
                Cow::Borrowed(_) => None,
                Cow::Owned(changed) => Some(STANDARD.encode(changed)),
            })
        }
        Encoded::Bytes => None,
    }
}

enum Encoded {
    No,
    Text(String),
    Bytes,
}

/// Opens base64, in which a note would pass unseen. Short words look like it and are none.
fn encoded(text: &str) -> Encoded {
    const SHORT: usize = 24;
    let text = text.trim();
    let alphabet =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'\n' | b'\r');
    if text.len() < SHORT
        || !text.bytes().all(alphabet)
        || text.bytes().all(|b| b.is_ascii_hexdigit())
    {
        return Encoded::No;
    }
    let mixed = text.bytes().any(|b| b.is_ascii_lowercase())
        && text.bytes().any(|b| b.is_ascii_uppercase());
    let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    if !mixed || !packed.len().is_multiple_of(4) {
        return Encoded::No;
    }
    let Ok(bytes) = STANDARD.decode(packed.as_bytes()) else {
        return Encoded::No;
    };
    match String::from_utf8(bytes) {
        Ok(inner) if !inner.chars().any(|c| c.is_control() && !c.is_whitespace()) => {
            Encoded::Text(inner)
        }
        // A long word of letters decodes to something too; a file is longer.
        _ if text.len() >= 64 => Encoded::Bytes,
        _ => Encoded::No,
    }
}

/// Goes through the values of JSON that has no fixed shape.
struct JsonScrubber<'a> {
    detector: &'a Detector,
    kinds: KindSet,
}

impl JsonScrubber<'_> {
    fn value<'v>(&self, value: &Json<'v>, path: &str, found: &mut Found) -> Json<'v> {
        match value {
            Json::Null | Json::Bool(_) => value.clone(),
            Json::Number(text) => {
                let (scrubbed, counts) = scrub_kinds(self.detector, text, Some(path), self.kinds);
                found.extend(counts);
                match scrubbed {
                    Cow::Borrowed(_) => value.clone(),
                    Cow::Owned(changed) => Json::Text(Cow::Owned(changed)),
                }
            }
            Json::Text(text) => match scrub_text(self.detector, text, path, self.kinds, found) {
                Some(None) => value.clone(),
                Some(Some(changed)) => Json::Text(Cow::Owned(changed)),
                // Something that cannot be read does not stay.
                None => Json::Text(Cow::Borrowed("[ENCODED]")),
            },
            Json::Array(elements) => {
                let path = format!("{path}[]");
                Json::Array(
                    elements
                        .iter()
                        .map(|element| self.value(element, &path, found))
                        .collect(),
                )
            }
            Json::Object(members) => Json::Object(
                members
                    .iter()
                    .map(|(key, member)| {
                        let (name, counts) = scrub_kinds(self.detector, key, None, self.kinds);
                        let path = format!("{path}.{name}");
                        found.extend(counts);
                        let name = match name {
                            Cow::Borrowed(_) => key.clone(),
                            Cow::Owned(changed) => Cow::Owned(changed),
                        };
                        (name, self.value(member, &path, found))
                    })
                    .collect(),
            ),
        }
    }
}

/// What a count says was done.
pub(crate) const fn disposition(action: &Transform) -> &'static str {
    match action {
        Transform::Keep => "kept",
        Transform::Drop => "dropped",
        Transform::Redact(_) | Transform::ScrubText(_) => "redacted",
        Transform::Null => "nulled",
        Transform::Constant(_) => "replaced",
        Transform::Year { .. } => "year",
        Transform::Zip3(_) => "zip3",
        Transform::AgeCap => "age_capped",
        Transform::Token { .. } => "tokenised",
        Transform::ShowFirst4 | Transform::ShowLast4 | Transform::Alphanum => "masked",
        Transform::Quarantine => "quarantined",
    }
}

#[cfg(test)]
mod tests;
