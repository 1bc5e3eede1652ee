//! A text made ready for detectors: one alphabet, cut into tokens, each looked up once.
//!
//! Identifiers come in full-width digits, with typographic dashes or invisible characters between
//! them, and broken over lines. The flat text has ASCII in place of those, and a map leads back to
//! bytes of the original. Positions that detectors handle are bytes of the flat text.

use std::{borrow::Cow, ops::Range};

use crate::lexicon::{self, Cue, Word};

/// What a token is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Letters only.
    Letters,
    /// Digits only.
    Digits,
    /// Both.
    Mixed,
}

/// A run of letters and digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) class: Class,
    /// The first letter is upper case.
    pub(crate) capital: bool,
    /// All letters are upper case and there are at least two.
    pub(crate) upper: bool,
    /// What the lexicon knows.
    pub(crate) word: Word,
}

impl Token {
    pub(crate) const fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) const fn is(&self, word: Word) -> bool {
        self.word.has(word)
    }
}

/// Words that say what stands near them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The last token of the phrase.
    pub(crate) last: usize,
    pub(crate) cue: Cue,
}

/// How far a cue reaches, in bytes of the flat text.
pub(crate) const REACH: usize = 30;

/// A text ready for detectors.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    flat: Cow<'a, str>,
    /// For each byte of the flat text, the byte of the original where its character starts; absent
    /// where the two are the same.
    map: Option<Vec<usize>>,
    len: usize,
    pub(crate) tokens: Vec<Token>,
    pub(crate) marks: Vec<Mark>,
    /// Numbers of this column are codes of a public system.
    pub(crate) codes: bool,
}

impl<'a> Page<'a> {
    pub(crate) fn new(text: &'a str, codes: bool) -> Self {
        let (flat, map) = flatten(text);
        let tokens = tokens(flat.as_bytes());
        let mut page = Self {
            flat,
            map,
            len: text.len(),
            tokens,
            marks: Vec::new(),
            codes,
        };
        page.marks = page.find_marks();
        page
    }

    pub(crate) fn flat(&self) -> &str {
        &self.flat
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.flat.as_bytes()
    }

    /// Bytes of the flat text, empty if out of range.
    pub(crate) fn slice(&self, range: Range<usize>) -> &[u8] {
        self.bytes().get(range).unwrap_or_default()
    }

    pub(crate) fn token(&self, index: usize) -> Option<&Token> {
        self.tokens.get(index)
    }

    /// The token's text, empty if there is none.
    pub(crate) fn text(&self, index: usize) -> &str {
        self.tokens
            .get(index)
            .and_then(|token| self.flat.get(token.start..token.end))
            .unwrap_or_default()
    }

    /// What stands between a token and the one before it.
    pub(crate) fn before(&self, index: usize) -> &[u8] {
        let from = match index {
            0 => 0,
            _ => self
                .tokens
                .get(index - 1)
                .map_or(self.flat.len(), |token| token.end),
        };
        self.tokens
            .get(index)
            .map_or(&[], |token| self.slice(from..token.start))
    }

    /// What stands between a token and the next.
    pub(crate) fn after(&self, index: usize) -> &[u8] {
        let to = self
            .tokens
            .get(index + 1)
            .map_or(self.flat.len(), |token| token.start);
        self.tokens
            .get(index)
            .map_or(&[], |token| self.slice(token.end..to))
    }

    /// Whether a token is so many digits.
    pub(crate) fn digits(&self, index: usize, len: usize) -> bool {
        self.tokens
            .get(index)
            .is_some_and(|token| token.class == Class::Digits && token.len() == len)
    }

    /// The number that a token is, if it has at most nine digits.
    pub(crate) fn number(&self, index: usize) -> Option<u32> {
        let token = self.tokens.get(index)?;
        (token.class == Class::Digits && token.len() <= 9).then(|| self.text(index).parse().ok())?
    }

    pub(crate) fn has(&self, index: usize, word: Word) -> bool {
        self.tokens.get(index).is_some_and(|token| token.is(word))
    }

    /// Whether the token is one of these words; case is ignored.
    pub(crate) fn any(&self, index: usize, words: &[&str]) -> bool {
        let text = self.text(index);
        words.iter().any(|word| text.eq_ignore_ascii_case(word))
    }

    /// Whether a token touches another number by a sign that makes both one.
    pub(crate) fn glued_before(&self, index: usize) -> bool {
        index > 0
            && matches!(self.before(index), b"-" | b"." | b"/" | b",")
            && self
                .token(index - 1)
                .is_some_and(|token| token.class != Class::Letters)
    }

    /// As [`Self::glued_before`], towards the end.
    pub(crate) fn glued_after(&self, index: usize) -> bool {
        matches!(self.after(index), b"-" | b"." | b"/" | b",")
            && self
                .token(index + 1)
                .is_some_and(|token| token.class != Class::Letters)
    }

    /// The distance to the nearest of some cues, before or after a range. One behind counts double:
    /// people write `phone 555-0142` more often than `555-0142 (phone)`.
    pub(crate) fn distance(&self, range: &Range<usize>, cues: &[Cue]) -> Option<usize> {
        let from = self
            .marks
            .partition_point(|mark| mark.end + REACH < range.start);
        self.marks
            .get(from..)?
            .iter()
            .take_while(|mark| mark.start <= range.end + REACH)
            .filter(|mark| cues.contains(&mark.cue))
            .filter_map(|mark| {
                if mark.end <= range.start {
                    Some(range.start - mark.end)
                } else if mark.start >= range.end {
                    Some(2 * (mark.start - range.end) + 1)
                } else {
                    None
                }
            })
            .min()
    }

    /// Whether one of the cues stands within reach.
    pub(crate) fn near(&self, range: &Range<usize>, cues: &[Cue]) -> bool {
        self.distance(range, cues).is_some()
    }

    /// The digits of consecutive tokens.
    pub(crate) fn join(&self, tokens: Range<usize>) -> Vec<u8> {
        tokens.flat_map(|index| self.text(index).bytes()).collect()
    }

    /// The bytes from the start of one token to the end of another.
    pub(crate) fn span(&self, first: usize, last: usize) -> Range<usize> {
        match (self.token(first), self.token(last)) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => 0..0,
        }
    }

    /// The range of the original text that a range of the flat text stands for.
    pub(crate) fn original(&self, range: Range<usize>) -> Range<usize> {
        match &self.map {
            None => range,
            Some(map) => {
                let at = |index: usize| map.get(index).copied().unwrap_or(self.len);
                at(range.start)..at(range.end)
            }
        }
    }

    fn find_marks(&self) -> Vec<Mark> {
        let mut marks = Vec::new();
        for (index, token) in self.tokens.iter().enumerate() {
            if !token.is(Word::CUE) {
                continue;
            }
            let rest = |offset: usize| {
                // Words of a phrase stand on one line and close together.
                let close = self.before(index + offset).len() <= 3;
                if close { self.text(index + offset) } else { "" }
            };
            if let Some((cues, words)) = lexicon::cue(self.text(index), rest) {
                let last = index + words - 1;
                let span = self.span(index, last);
                marks.extend(cues.into_iter().map(|cue| Mark {
                    start: span.start,
                    end: span.end,
                    last,
                    cue,
                }));
            }
        }
        marks
    }
}

/// Whether a gap between the parts of one number is nothing but separators.
pub(crate) fn separates(gap: &[u8]) -> bool {
    !gap.is_empty()
        && gap.len() <= 4
        && gap
            .iter()
            .all(|b| matches!(b, b'-' | b'.' | b' ' | b'\n' | b'\r' | b'\t' | b'/'))
}

/// The sign that separates: the first that is not white space, else a blank.
pub(crate) fn separator(gap: &[u8]) -> u8 {
    gap.iter()
        .copied()
        .find(|b| !b.is_ascii_whitespace())
        .unwrap_or(b' ')
}

fn tokens(text: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len() / 6 + 1);
    let mut at = 0;
    while let Some(b) = text.get(at) {
        if CLASSES[*b as usize] == 0 {
            at += 1;
            continue;
        }
        let start = at;
        let (mut all, mut upper) = (0, 0_usize);
        while let Some(b) = text.get(at) {
            let class = CLASSES[*b as usize];
            if class == 0 {
                break;
            }
            all |= class;
            upper += usize::from(class & UPPER != 0);
            at += 1;
        }
        let class = match (all & DIGIT != 0, all & (UPPER | LOWER | OTHER) != 0) {
            (true, false) => Class::Digits,
            (true, true) => Class::Mixed,
            _ => Class::Letters,
        };
        let bytes = &text[start..at];
        tokens.push(Token {
            start,
            end: at,
            class,
            capital: bytes[0].is_ascii_uppercase() || (bytes[0] >= 0x80 && starts_upper(bytes)),
            upper: upper >= 2 && all & LOWER == 0,
            word: if class == Class::Letters {
                lexicon::look_up(bytes)
            } else {
                Word::NONE
            },
        });
    }
    tokens
}

fn starts_upper(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.chars().next())
        .is_some_and(char::is_uppercase)
}

const DIGIT: u8 = 1;
const UPPER: u8 = 2;
const LOWER: u8 = 4;
const OTHER: u8 = 8;

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut b = 0;
    while b < 256 {
        classes[b] = match b as u8 {
            b'0'..=b'9' => DIGIT,
            b'A'..=b'Z' => UPPER,
            b'a'..=b'z' => LOWER,
            0x80.. => OTHER,
            _ => 0,
        };
        b += 1;
    }
    classes
};

fn flatten(text: &str) -> (Cow<'_, str>, Option<Vec<usize>>) {
    // Without bytes that begin a foreign sign there is nothing to do.
    if text.is_ascii() || !text.chars().any(|c| plain(c) != Plain::Same) {
        return (Cow::Borrowed(text), None);
    }
    let mut flat = String::with_capacity(text.len());
    let mut map = Vec::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let c = match plain(c) {
            Plain::Same => c,
            Plain::As(plain) => plain,
            Plain::Gone => continue,
        };
        flat.push(c);
        map.resize(flat.len(), at);
    }
    (Cow::Owned(flat), Some(map))
}

#[derive(PartialEq, Eq)]
enum Plain {
    Same,
    As(char),
    Gone,
}

fn plain(c: char) -> Plain {
    let digit = |zero: u32| char::from_digit(c as u32 - zero, 10).map_or(Plain::Same, Plain::As);
    match c {
        '\0'..='\u{9f}' => Plain::Same,
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Plain::As(' '),
        '\u{2028}' | '\u{2029}' => Plain::As('\n'),
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}'
        | '\u{feff}' => Plain::Gone,
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => Plain::As('-'),
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2032}' | '\u{2b9}' | '\u{2bc}' => {
            Plain::As('\'')
        }
        '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => Plain::As('"'),
        '\u{2022}' | '\u{b7}' => Plain::As('*'),
        '\u{2024}' => Plain::As('.'),
        '\u{2044}' | '\u{2215}' => Plain::As('/'),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).map_or(Plain::Same, Plain::As),
        '\u{660}'..='\u{669}' => digit(0x660),
        '\u{6f0}'..='\u{6f9}' => digit(0x6f0),
        '\u{966}'..='\u{96f}' => digit(0x966),
        '\u{1d7ce}'..='\u{1d7ff}' => {
            char::from_digit((c as u32 - 0x1d7ce) % 10, 10).map_or(Plain::Same, Plain::As)
        }
        // Signs that are no letters part words.
        '\u{a1}'..='\u{a9}'
        | '\u{ac}'
        | '\u{ae}'..='\u{b6}'
        | '\u{d7}'
        | '\u{f7}'
        | '\u{2016}'..='\u{2043}' => Plain::As('*'),
        '\u{2190}'..='\u{2bff}' | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' => {
            Plain::As('*')
        }
        _ => Plain::Same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_signs_become_plain_and_lead_back_to_their_bytes() {
        let text = "né ４０２‑19\u{200b}‑8877 “x”";
        let page = Page::new(text, false);
        assert_eq!(page.flat(), "né 402-19-8877 \"x\"");
        let at = page.flat().find("402-19-8877").unwrap();
        assert_eq!(&text[page.original(at..at + 11)], "４０２‑19\u{200b}‑8877");
        assert_eq!(page.original(0..page.flat().len()), 0..text.len());
    }

    #[test]
    fn tokens_are_runs_of_letters_and_digits() {
        let page = Page::new("O'Brien, MRN-24x7 9", false);
        let texts: Vec<&str> = (0..page.tokens.len()).map(|i| page.text(i)).collect();
        assert_eq!(texts, ["O", "Brien", "MRN", "24x7", "9"]);
        assert_eq!(page.tokens[3].class, Class::Mixed);
        assert!(page.tokens[2].upper && page.tokens[1].capital);
        assert_eq!(
            (page.before(0), page.after(4), page.before(1)),
            (&b""[..], &b""[..], &b"'"[..])
        );
        assert_eq!(page.text(99), "");
    }
}
