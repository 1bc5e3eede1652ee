//! Words that detectors know: names, months, streets, titles, and the phrases that announce identifiers.
//!
//! A word may mean several things ("May", "Will", "Rose"), so the lexicon answers with a set of
//! meanings and the detectors decide by what stands around it.

mod cues;
mod names;
mod words;

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    ops::BitOr,
    sync::LazyLock,
};

use unicode_normalization::UnicodeNormalization;

pub(crate) use cues::Cue;

/// The meanings of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Word(u32);

impl Word {
    pub(crate) const NONE: Self = Self(0);
    /// A first name.
    pub(crate) const FIRST: Self = Self(1);
    /// A last name.
    pub(crate) const LAST: Self = Self(1 << 1);
    /// An ordinary word too, so that a capital alone makes no name of it.
    pub(crate) const COMMON: Self = Self(1 << 2);
    /// Mr, Dr, Nurse.
    pub(crate) const TITLE: Self = Self(1 << 3);
    /// MD, RN, Jr.
    pub(crate) const SUFFIX: Self = Self(1 << 4);
    /// Patient, mother, employer: what a person is.
    pub(crate) const ROLE: Self = Self(1 << 5);
    /// A month, or its abbreviation.
    pub(crate) const MONTH: Self = Self(1 << 6);
    /// A day of the week.
    pub(crate) const WEEKDAY: Self = Self(1 << 7);
    /// Street, Ave.
    pub(crate) const STREET: Self = Self(1 << 8);
    /// A State by its two letters.
    pub(crate) const STATE: Self = Self(1 << 9);
    /// A State's or country's name, which may stay.
    pub(crate) const REGION: Self = Self(1 << 10);
    /// A city.
    pub(crate) const CITY: Self = Self(1 << 11);
    /// Hospital, Clinic: what ends the name of a place.
    pub(crate) const PLACE: Self = Self(1 << 12);
    /// van, de la: within names.
    pub(crate) const PARTICLE: Self = Self(1 << 13);
    /// Words that lead from a keyword to its number: is, no, number.
    pub(crate) const LINK: Self = Self(1 << 14);
    /// Begins a phrase of [`Cue`].
    pub(crate) const CUE: Self = Self(1 << 15);
    /// said, presented: what people do.
    pub(crate) const VERB: Self = Self(1 << 16);
    /// disease, sign, catheter: makes an eponym of the name before it.
    pub(crate) const EPONYM: Self = Self(1 << 17);
    /// A number or ordinal in words.
    pub(crate) const NUMBER: Self = Self(1 << 18);
    /// Christmas, Easter.
    pub(crate) const HOLIDAY: Self = Self(1 << 19);
    /// Spring, winter.
    pub(crate) const SEASON: Self = Self(1 << 20);
    /// on, since: what a date follows.
    pub(crate) const BEFORE_DATE: Self = Self(1 << 21);
    /// in, from, lives: what a place follows.
    pub(crate) const BEFORE_PLACE: Self = Self(1 << 22);
    /// mg, mmHg: what a measured number is followed by.
    pub(crate) const UNIT: Self = Self(1 << 23);
    /// by, with, and: what a name may follow.
    pub(crate) const BEFORE_NAME: Self = Self(1 << 24);

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOr for Word {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

/// FNV-1a: keys are short words of our own, so nobody can choose them to collide.
#[derive(Default)]
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

type Map<V> = HashMap<&'static [u8], V, BuildHasherDefault<Fnv>>;

/// Longest word in the lexicon; longer ones are not looked up.
const LONGEST: usize = 24;

struct Lexicon {
    words: Map<Word>,
    /// First word to the phrases it begins, longest first.
    phrases: Map<Vec<(Vec<&'static str>, Cue)>>,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut words = Map::<Word>::default();
    for (list, word) in names::LISTS.iter().chain(words::LISTS) {
        for text in list.split_whitespace() {
            let entry = words.entry(text.as_bytes()).or_default();
            *entry = *entry | *word;
        }
    }
    let mut phrases = Map::<Vec<(Vec<&'static str>, Cue)>>::default();
    for (list, cue) in cues::PHRASES {
        for phrase in list.split(',') {
            let parts: Vec<&'static str> = phrase.split_whitespace().collect();
            let Some((first, rest)) = parts.split_first() else {
                continue;
            };
            let entry = words.entry(first.as_bytes()).or_default();
            *entry = *entry | Word::CUE;
            phrases
                .entry(first.as_bytes())
                .or_default()
                .push((rest.to_vec(), *cue));
        }
    }
    for list in phrases.values_mut() {
        list.sort_by_key(|(rest, _)| std::cmp::Reverse(rest.len()));
    }
    Lexicon { words, phrases }
});

/// The meanings of a word; case and accents are ignored.
pub(crate) fn look_up(word: &[u8]) -> Word {
    lower(word, |lower| LEXICON.words.get(lower).copied()).unwrap_or_default()
}

/// What the longest phrase announces that begins with a word ("called" may announce two things), and how
/// many words it has. `rest` gives the words that follow.
pub(crate) fn cue<'a>(first: &str, rest: impl Fn(usize) -> &'a str) -> Option<(Vec<Cue>, usize)> {
    lower(first.as_bytes(), |first| {
        let phrases = LEXICON.phrases.get(first)?;
        let fits = |words: &[&str]| {
            words
                .iter()
                .enumerate()
                .all(|(i, word)| rest(i + 1).eq_ignore_ascii_case(word))
        };
        let longest = phrases.iter().find(|(words, _)| fits(words))?.0.len();
        let same = phrases
            .iter()
            .filter(|(words, _)| words.len() == longest && fits(words));
        Some((same.map(|(_, cue)| *cue).collect(), longest + 1))
    })
}

fn lower<T>(word: &[u8], use_it: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
    if word.len() > LONGEST * 2 {
        return None;
    }
    if word.is_ascii() {
        let mut buffer = [0; LONGEST];
        let lower = buffer.get_mut(..word.len())?;
        lower.copy_from_slice(word);
        lower.make_ascii_lowercase();
        return use_it(lower);
    }
    // "José" is looked up as "jose".
    let folded: String = std::str::from_utf8(word)
        .ok()?
        .nfd()
        .filter(char::is_ascii)
        .collect::<String>()
        .to_ascii_lowercase();
    if folded.is_empty() {
        None
    } else {
        use_it(folded.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_whatever_their_case_and_accents() {
        for (word, meaning) in [
            ("Smith", Word::LAST),
            ("JOSÉ", Word::FIRST),
            ("march", Word::MONTH),
            ("Ave", Word::STREET),
            ("mrn", Word::CUE),
        ] {
            assert!(look_up(word.as_bytes()).has(meaning), "{word}");
        }
        assert_eq!(look_up(b"zzyzx"), Word::NONE);
        assert_eq!(look_up(&[b'x'; 500]), Word::NONE);
    }

    #[test]
    fn the_longest_phrase_wins() {
        let words = ["medical", "record", "number", "is"];
        let rest = |i: usize| words.get(i).copied().unwrap_or_default();
        assert_eq!(cue("Medical", rest), Some((vec![Cue::Mrn], 3)));
        assert_eq!(cue("medical", |_| ""), None);
    }
}
