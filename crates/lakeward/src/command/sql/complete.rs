//! Where a typed statement ends.

/// The byte at which the first statement ends: a semicolon outside of quotes and comments.
pub(super) fn end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let next = bytes.get(at + 1);
        at = match (byte, next) {
            (b';', _) => return Some(at),
            // A doubled quote closes and opens again, which comes to the same.
            (b'\'' | b'"' | b'`', _) => past(text, at + 1, char::from(*byte))?,
            (b'-', Some(b'-')) => past(text, at, '\n')?,
            (b'/', Some(b'*')) => at + 2 + text.get(at + 2..)?.find("*/")? + 2,
            _ => at + 1,
        };
    }
    None
}

fn past(text: &str, from: usize, stop: char) -> Option<usize> {
    Some(from + text.get(from..)?.find(stop)? + 1)
}

/// Whether nothing but blanks and comments is there.
pub(super) fn is_blank(text: &str) -> bool {
    let mut rest = text.trim_start();
    loop {
        rest = if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n').map_or("", |(_, rest)| rest)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, rest)| rest)
        } else {
            return rest.is_empty();
        };
        rest = rest.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_ends_at_a_semicolon_outside_of_quotes_and_comments() {
        for (text, ends) in [
            ("select 1;", Some(8)),
            ("select 1", None),
            ("select ';'", None),
            ("select ';';", Some(10)),
            ("select 'it''s;';", Some(15)),
            ("select \"a;b\", `c;d`;", Some(19)),
            ("-- not; here\nselect 1;", Some(21)),
            ("select 1 -- end;", None),
            ("/* ; */ select 1;", Some(16)),
            ("/* ; ", None),
            ("select 'é;", None),
            ("", None),
        ] {
            assert_eq!(end(text), ends, "{text}");
        }
    }

    #[test]
    fn comments_alone_are_no_statement() {
        for (text, blank) in [
            ("", true),
            (" \n", true),
            ("-- x", true),
            ("/* x */ -- y\n ", true),
            ("-- x\nselect", false),
        ] {
            assert_eq!(is_blank(text), blank, "{text:?}");
        }
    }
}
