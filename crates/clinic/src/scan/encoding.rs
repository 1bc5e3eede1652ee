//! The shapes in which a string survives being stored.
//!
//! Only shapes that keep the string's bytes in a row, one for one, are here; what a codec packs
//! is unpacked first and then searched.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::planted::PlantKind;

/// How a planted string was written where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Encoding {
    /// As it is, in UTF-8.
    Raw,
    /// Escaped as inside a JSON string.
    Json,
    /// Percent-encoded, as in a URL or the path of a partition.
    Percent,
    /// In ASCII capitals.
    Upper,
    /// In ASCII small letters.
    Lower,
    /// UTF-16, little end first.
    Utf16Le,
    /// UTF-16, big end first.
    Utf16Be,
    /// Base64 of either alphabet, in one of its three alignments.
    Base64,
    /// Hexadecimal digits, small or capital.
    Hex,
    /// Every bit flipped, as a descending sort key.
    Inverted,
    /// The top bit of every byte flipped, as a signed sort key.
    SignFlipped,
    /// Every byte one or two up, or one down, as sort keys that keep room for a sentinel.
    Shifted,
    /// Back to front.
    Reversed,
    /// Cut into the blocks of an Arrow row key, ascending or descending.
    RowKey,
    /// The digits as a 64-bit integer, plain or as a sort key.
    Integer,
}

impl Encoding {
    /// Every shape, in the order of its discriminant.
    pub const ALL: &'static [Self] = &[
        Self::Raw,
        Self::Json,
        Self::Percent,
        Self::Upper,
        Self::Lower,
        Self::Utf16Le,
        Self::Utf16Be,
        Self::Base64,
        Self::Hex,
        Self::Inverted,
        Self::SignFlipped,
        Self::Shifted,
        Self::Reversed,
        Self::RowKey,
        Self::Integer,
    ];

    /// One word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Json => "json",
            Self::Percent => "percent",
            Self::Upper => "upper",
            Self::Lower => "lower",
            Self::Utf16Le => "utf16le",
            Self::Utf16Be => "utf16be",
            Self::Base64 => "base64",
            Self::Hex => "hex",
            Self::Inverted => "inverted",
            Self::SignFlipped => "sign_flipped",
            Self::Shifted => "shifted",
            Self::Reversed => "reversed",
            Self::RowKey => "row_key",
            Self::Integer => "integer",
        }
    }
}

/// Hands each distinct shape of a string to `take`, the raw one first.
pub(super) fn shapes(kind: PlantKind, text: &str, mut take: impl FnMut(Encoding, &[u8])) {
    let raw = text.as_bytes();
    take(Encoding::Raw, raw);
    let mut unlike_raw = |encoding, bytes: &[u8]| {
        if bytes != raw {
            take(encoding, bytes);
        }
    };

    let json = serde_json::Value::from(text).to_string();
    unlike_raw(Encoding::Json, &json.as_bytes()[1..json.len() - 1]);
    unlike_raw(Encoding::Percent, percent(text).as_bytes());
    unlike_raw(Encoding::Upper, text.to_ascii_uppercase().as_bytes());
    unlike_raw(Encoding::Lower, text.to_ascii_lowercase().as_bytes());

    let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    unlike_raw(Encoding::Utf16Le, &wide(u16::to_le_bytes));
    unlike_raw(Encoding::Utf16Be, &wide(u16::to_be_bytes));

    for alignment in 0..3 {
        let standard = base64_at(raw, alignment, &STANDARD);
        let url_safe = base64_at(raw, alignment, &URL_SAFE);
        unlike_raw(Encoding::Base64, standard.as_bytes());
        if url_safe != standard {
            unlike_raw(Encoding::Base64, url_safe.as_bytes());
        }
    }
    let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    let capital = hex.to_ascii_uppercase();
    unlike_raw(Encoding::Hex, hex.as_bytes());
    if capital != hex {
        unlike_raw(Encoding::Hex, capital.as_bytes());
    }

    let each = |change: fn(u8) -> u8| raw.iter().map(|byte| change(*byte)).collect::<Vec<u8>>();
    unlike_raw(Encoding::Inverted, &each(|byte| !byte));
    unlike_raw(Encoding::SignFlipped, &each(|byte| byte ^ 0x80));
    unlike_raw(Encoding::Shifted, &each(|byte| byte.wrapping_add(1)));
    unlike_raw(Encoding::Shifted, &each(|byte| byte.wrapping_add(2)));
    unlike_raw(Encoding::Shifted, &each(|byte| byte.wrapping_sub(1)));
    unlike_raw(
        Encoding::Reversed,
        &raw.iter().rev().copied().collect::<Vec<u8>>(),
    );

    let key = row_key(raw);
    if key != raw {
        unlike_raw(Encoding::RowKey, &key);
        unlike_raw(
            Encoding::RowKey,
            &key.iter().map(|byte| !byte).collect::<Vec<u8>>(),
        );
    }

    if kind == PlantKind::Ssn
        && let Ok(number) = text.parse::<i64>()
        // A small number is an innocent count somewhere.
        && number >= 100_000_000
    {
        unlike_raw(Encoding::Integer, &number.to_le_bytes());
        unlike_raw(Encoding::Integer, &(number ^ i64::MIN).to_be_bytes());
        unlike_raw(Encoding::Integer, &(!number ^ i64::MIN).to_be_bytes());
    }
}

/// The characters of a base64 text that depend on `raw` alone when it starts at this alignment.
fn base64_at(raw: &[u8], alignment: usize, alphabet: &impl Engine) -> String {
    let mut padded = vec![0; alignment];
    padded.extend_from_slice(raw);
    let whole_bits = padded.len() * 8;
    let mut text = alphabet.encode(&padded);
    text.truncate(whole_bits / 6);
    // The first character that has no bit of what comes before.
    text.split_off((alignment * 8).div_ceil(6))
}

/// Arrow's row format: four blocks of 8 bytes, then blocks of 32, with 0xFF between two blocks.
fn row_key(raw: &[u8]) -> Vec<u8> {
    let (head, tail) = raw.split_at(raw.len().min(32));
    let blocks: Vec<&[u8]> = head.chunks(8).chain(tail.chunks(32)).collect();
    blocks.join(&0xFF)
}

fn percent(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
