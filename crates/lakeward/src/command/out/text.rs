//! Text for terminals.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with its control characters spelled out, save line breaks and tabs.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unsafe(c) {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown.into()
}

/// Controls, and marks that turn the direction of what follows.
fn is_unsafe(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A line of the requester's own text with a caret below the place.
pub(super) fn caret(sql: &str, line: u64, column: u64) -> String {
    let index = usize::try_from(line).unwrap_or(1).max(1) - 1;
    let Some(shown) = sql.lines().nth(index) else {
        return String::new();
    };
    let before = usize::try_from(column).unwrap_or(1).max(1) - 1;
    // Tabs stay tabs, so that the caret stands where the terminal puts the text.
    let pad: String = shown
        .chars()
        .take(before)
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    let number = line.to_string();
    let gutter = " ".repeat(number.len());
    format!(
        "{gutter} |\n{number} | {}\n{gutter} | {pad}^\n",
        printable(shown)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_below_the_place() {
        let sql = "select a,\n\tbad\nfrom t";
        assert_eq!(caret(sql, 1, 8), "  |\n1 | select a,\n  |        ^\n");
        assert_eq!(caret(sql, 2, 2), "  |\n2 | \tbad\n  | \t^\n");
        assert_eq!(caret(sql, 9, 1), "");
        assert_eq!(
            caret(sql, 3, 99),
            "  | \n3 | from t\n  |       ^\n".replace("| \n3", "|\n3")
        );
    }

    #[test]
    fn what_commands_a_terminal_is_spelled_out() {
        assert_eq!(printable("a\x1b[31mb\u{202e}"), "a\\u{1b}[31mb\\u{202e}");
        assert_eq!(printable("Zoë\n\t"), "Zoë\n\t");
    }
}
