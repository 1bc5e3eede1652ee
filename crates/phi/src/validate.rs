//! Checks that numbers are what they look like: checksums, reserved ranges, calendars.
//!
//! Each takes the characters of the number alone (no separators) unless it says otherwise. A number
//! that fails is not thereby harmless: never-issued SSNs identify nobody, but mistyped ones do.

mod date;

pub(crate) use date::month_of;
pub use date::{CivilDate, parse_date};

/// Whether these nine digits could be an SSN (SSA POMS RM 10201.035): area not 000, 666 or 9xx,
/// group not 00, serial not 0000.
#[must_use]
pub fn ssn(digits: &[u8]) -> bool {
    digits.len() == 9
        && digits.iter().all(u8::is_ascii_digit)
        && !matches!(&digits[..3], b"000" | b"666")
        && digits[0] != b'9'
        && &digits[3..5] != b"00"
        && &digits[5..] != b"0000"
}

/// Whether these nine digits could be an ITIN: area 9xx, group 50-65, 70-88, 90-92 or 94-99.
#[must_use]
pub fn itin(digits: &[u8]) -> bool {
    if digits.len() != 9 || !digits.iter().all(u8::is_ascii_digit) || digits[0] != b'9' {
        return false;
    }
    let group = (digits[3] - b'0') * 10 + (digits[4] - b'0');
    matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// The Luhn check (ISO/IEC 7812-1).
#[must_use]
pub fn luhn(digits: &[u8]) -> bool {
    !digits.is_empty()
        && digits.iter().all(u8::is_ascii_digit)
        && luhn_sum(digits).is_multiple_of(10)
}

fn luhn_sum(digits: &[u8]) -> u32 {
    digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, digit)| {
            let value = u32::from(digit - b'0');
            match (i % 2, value * 2) {
                (0, _) => value,
                (_, doubled) if doubled > 9 => doubled - 9,
                (_, doubled) => doubled,
            }
        })
        .sum()
}

/// Whether these digits are a payment card: 13 to 19 digits, a known issuer range, Luhn.
#[must_use]
pub fn card(digits: &[u8]) -> bool {
    let issuer = match digits {
        [b'4', ..] => matches!(digits.len(), 13 | 16 | 19),
        [b'5', b'1'..=b'5', ..] | [b'2', b'2'..=b'7', ..] => digits.len() == 16,
        [b'3', b'4' | b'7', ..] => digits.len() == 15,
        [b'3', b'0' | b'6' | b'8' | b'9', ..] => (14..=16).contains(&digits.len()),
        [b'3', b'5', ..] | [b'6', ..] | [b'5', b'0' | b'6'..=b'8', ..] => {
            (13..=19).contains(&digits.len())
        }
        _ => false,
    };
    issuer && luhn(digits) && digits.iter().any(|digit| *digit != digits[0])
}

/// Whether these digits are an NPI: ten, the first 1 or 2, Luhn behind the prefix 80840.
#[must_use]
pub fn npi(digits: &[u8]) -> bool {
    digits.len() == 10
        && matches!(digits[0], b'1' | b'2')
        && digits.iter().all(u8::is_ascii_digit)
        // The prefix adds a constant 24, because ten digits keep its parity.
        && (luhn_sum(digits) + 24).is_multiple_of(10)
}

/// Whether this is a DEA number: two letters (the second may be 9) and seven digits with
/// `(d1+d3+d5) + 2(d2+d4+d6)` ending in `d7`.
#[must_use]
pub fn dea(text: &[u8]) -> bool {
    if text.len() != 9
        || !text[0].is_ascii_alphabetic()
        || !(text[1].is_ascii_alphabetic() || text[1] == b'9')
        || !text[2..].iter().all(u8::is_ascii_digit)
    {
        return false;
    }
    let digit = |i: usize| u32::from(text[1 + i] - b'0');
    (digit(1) + digit(3) + digit(5) + 2 * (digit(2) + digit(4) + digit(6))) % 10 == digit(7)
}

/// Whether this is a Medicare beneficiary identifier: `C A AN N A AN N A A N N` with C from 1 to 9
/// and no letter of `SLOIBZ` (CMS).
#[must_use]
pub fn mbi(text: &[u8]) -> bool {
    let letter = |b: u8| {
        b.is_ascii_alphabetic()
            && !matches!(
                b.to_ascii_uppercase(),
                b'S' | b'L' | b'O' | b'I' | b'B' | b'Z'
            )
    };
    text.len() == 11
        && text.iter().enumerate().all(|(i, b)| match i {
            0 => matches!(b, b'1'..=b'9'),
            1 | 4 | 7 | 8 => letter(*b),
            2 | 5 => letter(*b) || b.is_ascii_digit(),
            _ => b.is_ascii_digit(),
        })
}

/// Whether these digits are an ABA routing number: nine, weights 3-7-1, a prefix that is in use.
#[must_use]
pub fn aba(digits: &[u8]) -> bool {
    if digits.len() != 9 || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let prefix = (digits[0] - b'0') * 10 + (digits[1] - b'0');
    let sum: u32 = digits
        .iter()
        .zip([3, 7, 1].into_iter().cycle())
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    matches!(prefix, 0..=12 | 21..=32 | 61..=72 | 80) && sum != 0 && sum.is_multiple_of(10)
}

/// Whether this is an IBAN (ISO 13616): two letters, two digits, 11 to 30 more, mod 97 = 1.
#[must_use]
pub fn iban(text: &[u8]) -> bool {
    if !(15..=34).contains(&text.len())
        || !text[..2].iter().all(u8::is_ascii_alphabetic)
        || !text[2..4].iter().all(u8::is_ascii_digit)
        || !text.iter().all(u8::is_ascii_alphanumeric)
    {
        return false;
    }
    let remainder = text[4..].iter().chain(&text[..4]).fold(0_u32, |sum, b| {
        if b.is_ascii_digit() {
            (sum * 10 + u32::from(b - b'0')) % 97
        } else {
            (sum * 100 + u32::from(b.to_ascii_uppercase() - b'A') + 10) % 97
        }
    });
    remainder == 1
}

/// Whether this is a vehicle identification number with a correct check digit (49 CFR 565.15).
#[must_use]
pub fn vin(text: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    if text.len() != 17 {
        return false;
    }
    let mut sum = 0;
    for (b, weight) in text.iter().zip(WEIGHTS) {
        let value = match b.to_ascii_uppercase() {
            b @ b'0'..=b'9' => u32::from(b - b'0'),
            b @ b'A'..=b'H' => u32::from(b - b'A') + 1,
            b @ b'J'..=b'N' => u32::from(b - b'J') + 1,
            b'P' => 7,
            b'R' => 9,
            b @ b'S'..=b'Z' => u32::from(b - b'S') + 2,
            _ => return false,
        };
        sum += value * weight;
    }
    let check = text[8].to_ascii_uppercase();
    match sum % 11 {
        10 => check == b'X',
        digit => u32::from(check) == u32::from(b'0') + digit,
    }
}

/// Whether these ten digits follow the North American numbering plan: area and exchange start with
/// 2 to 9, and neither is N11.
#[must_use]
pub fn nanp(digits: &[u8]) -> bool {
    digits.len() == 10
        && digits.iter().all(u8::is_ascii_digit)
        && digits[0] >= b'2'
        && digits[3] >= b'2'
        && &digits[1..3] != b"11"
        && &digits[4..6] != b"11"
}

/// Whether this is an IPv4 or IPv6 address, zone excluded.
#[must_use]
pub fn ip(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
}

/// Whether a host's last label is a top-level domain that is worth believing: any two letters, or
/// one of the long ones that are in common use or reserved for examples.
#[must_use]
pub fn tld(label: &str) -> bool {
    const LONG: &[&str] = &[
        "com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "name", "pro", "health",
        "clinic", "care", "doctor", "dental", "hospital", "tech", "app", "dev", "cloud", "online",
        "site", "xyz", "life", "live", "local", "internal", "test", "example", "invalid", "today",
        "world", "email", "link", "page", "blog", "shop", "store", "agency", "company", "museum",
        "aero", "coop", "jobs", "mobi", "travel", "post", "tel", "asia", "cat", "lan", "home",
    ];
    (label.len() == 2 && label.bytes().all(|b| b.is_ascii_alphabetic()))
        || LONG.iter().any(|known| known.eq_ignore_ascii_case(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_validator_accepts_what_is_right_and_refuses_what_is_not() {
        type Check = fn(&[u8]) -> bool;
        let cases: &[(&str, Check, &[&str], &[&str])] = &[
            (
                "ssn",
                ssn,
                &["402198877", "001010001", "899999999"],
                &[
                    "000121234",
                    "666121234",
                    "900121234",
                    "123001234",
                    "123450000",
                    "12345678",
                    "12345678x",
                ],
            ),
            (
                "itin",
                itin,
                &["900700000", "912911234"],
                &["900690000", "900890000", "800700000", "900930000"],
            ),
            (
                "luhn",
                luhn,
                &["4111111111111111", "79927398713"],
                &["4111111111111112", "79927398710", "", "4a"],
            ),
            (
                "card",
                card,
                &[
                    "4111111111111111",
                    "378282246310005",
                    "5555555555554444",
                    "6011111111111117",
                    "3530111333300000",
                    "2223003122003222",
                    "30569309025904",
                ],
                &[
                    "4111111111111112",
                    "1234567812345670",
                    "0000000000000000",
                    "79927398713",
                ],
            ),
            (
                "npi",
                npi,
                &["1234567893", "1245319599"],
                &["1234567890", "3234567893", "123456789"],
            ),
            (
                "dea",
                dea,
                &["AB1234563", "F91234563"],
                &["AB1234567", "A11234563", "AB123456"],
            ),
            (
                "mbi",
                mbi,
                &["1EG4TE5MK73", "1eg4te5mk73"],
                &["0EG4TE5MK73", "1SG4TE5MK73", "1EG4TE5MK7", "1EG4TE5MK7A"],
            ),
            (
                "aba",
                aba,
                &["021000021", "011401533", "091000019"],
                &["021000022", "000000000", "990000009"],
            ),
            (
                "iban",
                iban,
                &[
                    "GB82WEST12345698765432",
                    "ES9121000418450200051332",
                    "FR1420041010050500013M02606",
                ],
                &["GB82WEST12345698765433", "GB82", "1B82WEST12345698765432"],
            ),
            (
                "vin",
                vin,
                &[
                    "1HGCM82633A004352",
                    "1M8GDM9AXKP042788",
                    "11111111111111111",
                ],
                &["1HGCM82633A004353", "1HGCM82633A00435", "IHGCM82633A004352"],
            ),
            (
                "nanp",
                nanp,
                &["5595550142", "2125550198"],
                &[
                    "1595550142",
                    "5591550142",
                    "9115550142",
                    "5594110142",
                    "559555014",
                ],
            ),
        ];
        for (name, check, good, bad) in cases {
            for text in *good {
                assert!(check(text.as_bytes()), "{name} refuses {text}");
            }
            for text in *bad {
                assert!(!check(text.as_bytes()), "{name} accepts {text}");
            }
        }
    }

    #[test]
    fn addresses_of_the_net_follow_their_grammar() {
        for (text, good) in [
            ("10.34.201.7", true),
            ("256.1.1.1", false),
            ("1.2.3", false),
            ("2001:db8::1", true),
            ("2001:db8::1::2", false),
        ] {
            assert_eq!(ip(text), good, "{text}");
        }
        for (label, good) in [
            ("com", true),
            ("us", true),
            ("example", true),
            ("mg", true),
            ("tablet", false),
        ] {
            assert_eq!(tld(label), good, "{label}");
        }
    }
}
