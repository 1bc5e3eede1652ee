//! Pictures and sounds of persons, where a text names or holds them: image files, and data in base64.

use super::Hits;
use crate::{
    Confidence, Kind,
    text::{Class, Page},
};

const IMAGES: &[&str] = &[
    "jpg", "jpeg", "png", "gif", "bmp", "tif", "tiff", "heic", "webp", "dcm", "dicom",
];
const SOUNDS: &[&str] = &["wav", "mp3", "m4a", "ogg", "flac"];
/// How images begin in base64: JPEG, PNG, GIF, BMP, TIFF, RIFF.
const MAGIC: &[&[u8]] = &[
    b"/9j/",
    b"iVBORw0KGgo",
    b"R0lGOD",
    b"Qk0",
    b"SUkqA",
    b"TU0AK",
    b"UklGR",
];
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
    for token in page
        .tokens
        .iter()
        .filter(|token| token.class != Class::Digits)
    {
        // Runs begin with a token, or with the slash of a JPEG.
        let start = if token.start > 0 && text[token.start - 1] == b'/' {
            token.start - 1
        } else {
            token.start
        };
        if start > 0 && part(&text[start - 1])
            || !MAGIC.iter().any(|magic| text[start..].starts_with(magic))
        {
            continue;
        }
        let len = text[start..]
            .iter()
            .position(|b| !part(b))
            .unwrap_or(text.len() - start);
        if len >= RUN {
            hits.add(start..start + len, Kind::Photo, Confidence::Certain);
        }
    }
}
