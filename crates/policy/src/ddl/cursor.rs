//! The words, names and lists that policy statements are made of.

use std::collections::{BTreeMap, BTreeSet};

use lakeward_domain::{LogicalType, Name, TableName};
use sqlparser::{
    dialect::{Dialect, GenericDialect, SparkSqlDialect},
    parser::Parser,
    tokenizer::{Token, TokenWithSpan},
};

use super::statement::ArgumentSpec;
use crate::{Error, Result, syntax, types};

/// A type longer than this is refused: the type parser recurses.
const MAX_TYPE_TOKENS: usize = 200;

/// A place in the tokens of a statement.
pub(super) struct Cursor<'a> {
    pub(super) sql: &'a str,
    pub(super) tokens: Vec<TokenWithSpan>,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(sql: &'a str, tokens: Vec<TokenWithSpan>) -> Self {
        Self { sql, tokens, at: 0 }
    }
}

impl Cursor<'_> {
    pub(super) fn argument(&mut self) -> Result<ArgumentSpec> {
        let negative = self.token(&Token::Minus);
        let Some(TokenWithSpan { token, .. }) = self.tokens.get(self.at) else {
            return self.fail("a column or a literal");
        };
        let literal = match token {
            Token::Number(digits, false) => {
                let sign = if negative { "-" } else { "" };
                Some(format!("{sign}{digits}"))
            }
            _ if negative => return self.fail("a number"),
            Token::SingleQuotedString(text) => {
                Some(syntax::print_exactly(&syntax::text(text.clone()))?)
            }
            Token::Word(word) if word.quote_style.is_none() => {
                let upper = word.value.to_ascii_uppercase();
                matches!(upper.as_str(), "TRUE" | "FALSE" | "NULL").then_some(upper)
            }
            _ => None,
        };
        if let Some(literal) = literal {
            self.at += 1;
            return Ok(ArgumentSpec::Literal(literal));
        }
        self.name().map(ArgumentSpec::Column)
    }

    /// `('k' = 'v', k = 'v', 'k')`.
    pub(super) fn pairs(&mut self) -> Result<BTreeMap<String, String>> {
        let pairs = self.list(|cursor| {
            let key = cursor.key()?;
            let value = if cursor.token(&Token::Eq) {
                cursor.value()?
            } else {
                String::new()
            };
            Ok((key, value))
        })?;
        let count = pairs.len();
        let pairs: BTreeMap<String, String> = pairs.into_iter().collect();
        if pairs.is_empty() || pairs.len() != count {
            return Err(Error::Invalid(
                "each key must be given once, and at least one".into(),
            ));
        }
        Ok(pairs)
    }

    pub(super) fn keys(&mut self) -> Result<BTreeSet<String>> {
        Ok(self.list(Self::key)?.into_iter().collect())
    }

    /// The key of a tag or attribute: a name, quoted or not.
    pub(super) fn key(&mut self) -> Result<String> {
        self.name_or_text().map(|name| name.to_string())
    }

    pub(super) fn value(&mut self) -> Result<String> {
        let Some(TokenWithSpan { token, .. }) = self.tokens.get(self.at) else {
            return self.fail("a value");
        };
        let value = match token {
            Token::SingleQuotedString(text) => text.clone(),
            Token::Number(digits, false) => digits.clone(),
            Token::Word(word) => word.value.clone(),
            _ => return self.fail("a value"),
        };
        if value.chars().count() > 255 || value.chars().any(char::is_control) {
            return Err(Error::Invalid(
                "values of tags and attributes have at most 255 printable characters".into(),
            ));
        }
        self.at += 1;
        Ok(value)
    }

    pub(super) fn text(&mut self, expected: &'static str) -> Result<String> {
        match self.tokens.get(self.at).map(|t| &t.token) {
            Some(Token::SingleQuotedString(text)) => {
                let text = text.clone();
                self.at += 1;
                Ok(text)
            }
            _ => self.fail(expected),
        }
    }

    pub(super) fn name(&mut self) -> Result<Name> {
        match self.tokens.get(self.at).map(|t| &t.token) {
            Some(Token::Word(word)) => {
                let name = Name::parse(&word.value)?;
                self.at += 1;
                Ok(name)
            }
            _ => self.fail("a name"),
        }
    }

    /// A name, as an identifier or in single quotes.
    pub(super) fn name_or_text(&mut self) -> Result<Name> {
        match self.tokens.get(self.at).map(|t| &t.token) {
            Some(Token::SingleQuotedString(text)) => {
                let name = Name::parse(text)?;
                self.at += 1;
                Ok(name)
            }
            _ => self.name(),
        }
    }

    /// `a`, `a.b`, `a.b.c`, …
    pub(super) fn parts(&mut self) -> Result<Vec<String>> {
        let mut parts = Vec::new();
        loop {
            match self.tokens.get(self.at).map(|t| &t.token) {
                Some(Token::Word(word)) => parts.push(word.value.clone()),
                _ => return self.fail("a name"),
            }
            self.at += 1;
            if !self.token(&Token::Period) {
                return Ok(parts);
            }
        }
    }

    pub(super) fn table_name(&mut self) -> Result<TableName> {
        let parts = self.parts()?;
        to_table_name(&parts)
    }

    /// The tokens up to a comma or parenthesis of the list around, or up to one of `until`.
    pub(super) fn data_type(&mut self, until: &[&str]) -> Result<LogicalType> {
        let mut depth = 0_usize;
        let mut length = 0_usize;
        for token in self.tokens.iter().skip(self.at) {
            match &token.token {
                Token::LParen | Token::Lt | Token::LBracket => depth += 1,
                Token::RParen | Token::Comma if depth == 0 => break,
                Token::RParen | Token::Gt | Token::RBracket => depth = depth.saturating_sub(1),
                Token::ShiftRight => depth = depth.saturating_sub(2),
                _ if depth == 0
                    && length > 0
                    && (is(token, "COMMENT") || until.iter().any(|word| is(token, word))) =>
                {
                    break;
                }
                _ => {}
            }
            length += 1;
        }
        if length == 0 || length > MAX_TYPE_TOKENS {
            return self.fail("a type");
        }
        let tokens = self
            .tokens
            .get(self.at..self.at + length)
            .unwrap_or_default();
        let parsed = |dialect: &dyn Dialect| {
            let mut parser = Parser::new(dialect).with_tokens_with_locations(tokens.to_vec());
            parser
                .parse_data_type()
                .ok()
                .filter(|_| parser.peek_token().token == Token::EOF)
        };
        // MAP<…> is in the second grammar only, TEXT and the others in the first.
        let Some(data_type) = parsed(&GenericDialect {}).or_else(|| parsed(&SparkSqlDialect {}))
        else {
            return self.fail("a type");
        };
        self.at += length;
        types::parse_type(&data_type)
    }

    pub(super) fn list<T>(&mut self, item: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.expect(&Token::LParen, "(")?;
        if self.token(&Token::RParen) {
            return Ok(Vec::new());
        }
        let items = self.comma_separated(item)?;
        self.expect(&Token::RParen, ")")?;
        Ok(items)
    }

    pub(super) fn comma_separated<T>(
        &mut self,
        item: impl Fn(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.token(&Token::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    // Tokens.

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.tokens.get(self.at).is_some_and(|t| is(t, word))
    }

    pub(super) fn is_words(&self, words: &str) -> bool {
        words
            .split(' ')
            .enumerate()
            .all(|(i, word)| self.tokens.get(self.at + i).is_some_and(|t| is(t, word)))
    }

    /// Takes these words, all or none.
    pub(super) fn words(&mut self, words: &str) -> bool {
        let found = self.is_words(words);
        if found {
            self.at += words.split(' ').count();
        }
        found
    }

    /// Takes a word such as USER or TABLE, unless it is itself the name: `ON table TO user`.
    pub(super) fn role_word(&mut self, word: &str) -> bool {
        let names_something = self.tokens.get(self.at + 1).is_some_and(|next| {
            matches!(next.token, Token::Word(_) | Token::SingleQuotedString(_))
                && !is(next, "TO")
                && !is(next, "FROM")
        });
        names_something && self.words(word)
    }

    pub(super) fn token(&mut self, token: &Token) -> bool {
        let found = self.tokens.get(self.at).is_some_and(|t| t.token == *token);
        if found {
            self.at += 1;
        }
        found
    }

    pub(super) fn expect(&mut self, token: &Token, expected: &'static str) -> Result<()> {
        if self.token(token) {
            Ok(())
        } else {
            self.fail(expected)
        }
    }

    pub(super) fn is_last(&self) -> bool {
        self.at + 1 == self.tokens.len()
    }

    pub(super) fn end(&self) -> Result<()> {
        if self.at >= self.tokens.len() {
            Ok(())
        } else {
            self.fail("the end of the statement")
        }
    }

    pub(super) fn fail<T>(&self, expected: &'static str) -> Result<T> {
        let (line, column) = syntax::start(self.tokens.get(self.at));
        Err(Error::Syntax {
            expected,
            line,
            column,
        })
    }
}

/// Whether a token is this word, unquoted.
pub(super) fn is(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
}

pub(super) fn to_table_name(parts: &[String]) -> Result<TableName> {
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    Ok(TableName::from_parts(&parts)?)
}

/// The byte offset of a line and column (both from 1, columns in characters).
pub(super) fn offset(sql: &str, line: u64, column: u64) -> usize {
    let (mut at_line, mut at_column) = (1, 1);
    for (offset, c) in sql.char_indices() {
        if (at_line, at_column) == (line, column) {
            return offset;
        }
        if c == '\n' {
            at_line += 1;
            at_column = 1;
        } else {
            at_column += 1;
        }
    }
    sql.len()
}
