//! The shape of a statement, for the ledger: what was asked, without any literal.
//!
//! Every name that did not resolve becomes `_`, because an alias, a CTE or a misspelt column can be
//! a patient's name. Comments vanish for the same reason.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::{
    dialect::GenericDialect,
    keywords::Keyword,
    tokenizer::{Token, Tokenizer},
};

/// Longest shape that is stored, in characters.
const LIMIT: usize = 4_000;

/// The shape of a statement's text; `known` are the names that resolved.
pub(crate) fn of(sql: &str, known: &BTreeSet<String>) -> String {
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize() else {
        return String::new();
    };
    let mut shape = String::new();
    for token in tokens {
        let piece = match token {
            Token::Whitespace(_) | Token::SemiColon | Token::EOF => continue,
            Token::Word(word) => {
                let name = word.value.to_lowercase();
                let keyword = word.quote_style.is_none() && word.keyword != Keyword::NoKeyword;
                match (known.contains(&name), keyword) {
                    (true, _) => name,
                    (false, true) => name.to_uppercase(),
                    (false, false) => "_".to_owned(),
                }
            }
            Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::TripleSingleQuotedString(_)
            | Token::TripleDoubleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::DoubleQuotedByteStringLiteral(_)
            | Token::TripleSingleQuotedByteStringLiteral(_)
            | Token::TripleDoubleQuotedByteStringLiteral(_)
            | Token::SingleQuotedRawStringLiteral(_)
            | Token::DoubleQuotedRawStringLiteral(_)
            | Token::TripleSingleQuotedRawStringLiteral(_)
            | Token::TripleDoubleQuotedRawStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::Char(_)
            | Token::Placeholder(_) => "?".to_owned(),
            Token::LParen => "(".to_owned(),
            Token::RParen => ")".to_owned(),
            Token::Comma => ",".to_owned(),
            Token::Period => ".".to_owned(),
            Token::Mul => "*".to_owned(),
            Token::Eq => "=".to_owned(),
            Token::Neq => "<>".to_owned(),
            Token::Lt => "<".to_owned(),
            Token::Gt => ">".to_owned(),
            Token::LtEq => "<=".to_owned(),
            Token::GtEq => ">=".to_owned(),
            Token::Plus => "+".to_owned(),
            Token::Minus => "-".to_owned(),
            Token::Div => "/".to_owned(),
            // Whatever the parser learns later says only that something stood there.
            _ => "~".to_owned(),
        };
        let tight = matches!(piece.as_str(), "," | "." | ")") || shape.ends_with(['.', '(']);
        if !shape.is_empty() && !tight {
            shape.push(' ');
        }
        shape.push_str(&piece);
        if shape.chars().count() > LIMIT {
            shape.push_str(" …");
            break;
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_comments_and_unresolved_names_are_gone() {
        let known: BTreeSet<String> = ["silver", "patients", "ssn", "count"]
            .map(String::from)
            .into();
        let shape = of(
            "select count(*) as \"Jane Roe\", p.ssn -- 666-00-0001\n from silver.patients p where ssn = '666-00-0001' and id in (1, 2.5) and x = $$CANARY$$",
            &known,
        );
        assert_eq!(
            shape,
            "SELECT count (*) AS _, _.ssn FROM silver.patients _ WHERE ssn = ? AND ID IN (?, ?) AND _ = ?"
        );
    }

    #[test]
    fn text_that_cannot_be_read_leaves_nothing() {
        assert_eq!(of("select '666-00-0001", &BTreeSet::new()), "");
    }
}
