//! Pictures and sounds of persons, where a text names or holds them: image files, and data in base64.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::Hits;
use crate::{Confidence, Kind, text::Page};

const IMAGES: &[&str] = &[
    "jpg", "jpeg", "png", "gif", "bmp", "tif", "tiff", "heic", "webp", "dcm", "dicom",
];
const SOUNDS: &[&str] = &["wav", "mp3", "m4a", "ogg", "flac"];
/// How images begin in base64: JPEG, PNG, GIF, BMP, TIFF, RIFF.
static MAGIC: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::new([
        "/9j/",
        "iVBORw0KGgo",
        "R0lGOD",
        "Qk0",
        "SUkqA",
        "TU0AK",
        "UklGR",
    ])
    .ok()
});
/// A run of base64 shorter than this is a word.
const RUN: usize = 64;

pub(super) fn find(page: &Page<'_>, hits: &mut Hits) {
    for index in 1..page.tokens.len() {
        if page.before(index) != b"." {
            continue;
        }
        let kind = if page.any(index, IMAGES) {
            Kind::Photo
        } else if page.any(index, SOUNDS) {
            Kind::Biometric
        } else {
            continue;
        };
        let mut first = index - 1;
        while first > 0 && matches!(page.before(first), b"_" | b"-" | b"." | b"/" | b"\\") {
            first -= 1;
        }
        hits.add(page.span(first, index), kind, Confidence::Likely);
    }
    base64(page, hits);
}

fn base64(page: &Page<'_>, hits: &mut Hits) {
    let text = page.bytes();
    let part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    let Some(magic) = MAGIC.as_ref().filter(|_| text.len() >= RUN) else {
        return;
    };
    for found in magic.find_iter(text) {
        let start = found.start();
        if start
            .checked_sub(1)
            .and_then(|i| text.get(i))
            .is_some_and(part)
        {
            continue;
        }
        let run = page.slice(start..text.len());
        let len = run.iter().position(|b| !part(b)).unwrap_or(run.len());
        if len >= RUN {
            hits.add(start..start + len, Kind::Photo, Confidence::Certain);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Detector, Kind};

    #[test]
    fn an_image_in_base64_is_found_and_a_word_that_begins_alike_left() {
        let detector = Detector::new();
        let image = format!("/9j/4AAQSkZJRg{}==", "ABcd12+/".repeat(12));
        let found = detector.find(&format!("{{\"data\": \"{image}\"}}"), None);
        assert!(
            found
                .iter()
                .any(|finding| finding.kind == Kind::Photo
                    && finding.range == (10..10 + image.len()))
        );
        assert!(detector.find("Qk0 and R0lGOD are words", None).is_empty());
    }
}
