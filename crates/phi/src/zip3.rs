//! Which three-digit zip prefixes may stay: 45 CFR 164.514(b)(2)(i)(B).
//!
//! An allow-list, not the familiar deny-list of seventeen: a prefix that no census table counts
//! (military, unused, mistyped) has no population of more than 20,000 and becomes 000.

use serde::{Deserialize, Serialize};

/// The table that decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// Allowed by both of the others.
    #[default]
    Strict,
    /// The list that HHS published for the census of 2000.
    Census2000,
    /// Computed from the ZCTA populations of the census of 2020.
    Census2020,
}

/// Prefixes of 20,000 people or fewer in the census of 2000 (HHS guidance of 26 November 2012).
const SMALL_2000: [u16; 17] = [
    36, 59, 63, 102, 203, 556, 692, 790, 821, 823, 830, 831, 878, 879, 884, 890, 893,
];

/// Prefixes of more than 20,000 people in the census of 2020, as ranges with both ends.
const LARGE_2020: &[(u16, u16)] = &[
    (6, 7),
    (9, 35),
    (37, 54),
    (56, 58),
    (60, 89),
    (100, 101),
    (103, 191),
    (193, 201),
    (206, 212),
    (214, 268),
    (270, 310),
    (312, 331),
    (333, 339),
    (341, 342),
    (344, 344),
    (346, 347),
    (349, 352),
    (354, 368),
    (370, 374),
    (376, 398),
    (400, 418),
    (420, 427),
    (430, 458),
    (460, 508),
    (510, 516),
    (520, 528),
    (530, 532),
    (534, 535),
    (537, 551),
    (553, 554),
    (557, 567),
    (570, 577),
    (580, 588),
    (590, 620),
    (622, 631),
    (633, 641),
    (644, 648),
    (650, 658),
    (660, 662),
    (664, 681),
    (683, 691),
    (693, 693),
    (700, 701),
    (703, 708),
    (710, 714),
    (716, 731),
    (734, 741),
    (743, 752),
    (754, 770),
    (773, 816),
    (820, 820),
    (822, 822),
    (824, 838),
    (840, 841),
    (843, 847),
    (850, 853),
    (855, 857),
    (859, 860),
    (863, 865),
    (870, 871),
    (873, 875),
    (877, 877),
    (880, 883),
    (890, 891),
    (894, 895),
    (897, 898),
    (900, 900),
    (902, 908),
    (910, 928),
    (930, 937),
    (939, 941),
    (943, 961),
    (967, 968),
    (970, 986),
    (988, 999),
];

/// What a zip becomes when it may not stay.
pub const SUPPRESSED: &str = "000";

impl Table {
    /// Whether a prefix, as a number, may stay.
    #[must_use]
    pub fn allows(self, prefix: u16) -> bool {
        // Beyond the listed exceptions, a prefix of 2000 must exist: the table of 2020 is the only
        // one at hand that says which do, and so it bounds both. 063, 790, 830, 831 and 890 are in
        // it; 202, 204, 205, 369, 753 and 772 are small in it but were not listed in 2000.
        let large_2020 = LARGE_2020
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&prefix));
        let listed_2000 = SMALL_2000.contains(&prefix);
        match self {
            Self::Strict => large_2020 && !listed_2000,
            Self::Census2000 => {
                !listed_2000 && (large_2020 || matches!(prefix, 202 | 204 | 205 | 369 | 753 | 772))
            }
            Self::Census2020 => large_2020,
        }
    }
}

/// The three digits that may stay of a zip or zip+4, or `000`, by the strict table.
#[must_use]
pub fn zip3(zip: &str) -> String {
    zip3_by(zip, Table::Strict)
}

/// The three digits that may stay of a zip or zip+4, or `000`.
///
/// A zip that lost its leading zero in a number column (four digits, or eight of zip+4) gets it back;
/// a bare prefix of three stays a prefix, so that the function can be applied twice.
#[must_use]
pub fn zip3_by(zip: &str, table: Table) -> String {
    prefix_of(zip.trim())
        .filter(|prefix| table.allows(*prefix))
        .map_or_else(|| SUPPRESSED.to_owned(), |prefix| format!("{prefix:03}"))
}

fn prefix_of(zip: &str) -> Option<u16> {
    let (base, plus4) = match zip.split_once(['-', ' ']) {
        Some((base, plus4)) => (base, Some(plus4)),
        None => (zip, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(base) || plus4.is_some_and(|p| p.len() != 4 || !digits(p) || base.len() > 5) {
        return None;
    }
    match base.len() {
        3 if plus4.is_none() => base.parse().ok(),
        4 | 8 => base.get(..2)?.parse().ok(),
        5 | 9 => base.get(..3)?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL_2020: [u16; 18] = [
        36, 59, 102, 202, 203, 204, 205, 369, 556, 692, 753, 772, 821, 823, 878, 879, 884, 893,
    ];

    #[test]
    fn a_prefix_of_twenty_thousand_or_fewer_becomes_000() {
        for prefix in SMALL_2020 {
            assert!(!Table::Census2020.allows(prefix), "{prefix:03}");
            assert_eq!(zip3(&format!("{prefix:03}01")), "000");
        }
        for prefix in SMALL_2000 {
            assert!(!Table::Census2000.allows(prefix), "{prefix:03}");
            assert_eq!(zip3(&format!("{prefix:03}01-1234")), "000");
        }
    }

    #[test]
    fn the_two_censuses_differ_where_people_moved() {
        for prefix in [63, 790, 830, 831, 890] {
            assert!(Table::Census2020.allows(prefix) && !Table::Strict.allows(prefix));
        }
        for prefix in [202, 204, 205, 369, 753, 772] {
            assert!(Table::Census2000.allows(prefix) && !Table::Strict.allows(prefix));
        }
    }

    #[test]
    fn what_is_no_zip_becomes_000() {
        for (zip, expected) in [
            ("02155", "021"),
            ("02155-1234", "021"),
            ("021551234", "021"),
            ("2155", "021"),
            ("21551234", "021"),
            ("021", "021"),
            (" 02155 ", "021"),
            ("", "000"),
            ("K1A 0B1", "000"),
            ("00012", "000"),
            ("0", "000"),
            ("02155-12", "000"),
            ("０２１５５", "000"),
            ("21244", "212"),
        ] {
            assert_eq!(zip3(zip), expected, "{zip}");
            assert_eq!(zip3(&zip3(zip)), expected, "{zip} twice");
        }
    }
}
