//! `CREATE TABLE` as people write it for Delta tables: column comments, tags and masks, partitions,
//! row filters, `AS query`.
//!
//! Own grammar over the parser's tokens, because the vendors' parsers each know a part of it only.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::{
    ast,
    dialect::{Dialect, GenericDialect, SparkSqlDialect},
    keywords::Keyword,
    parser::Parser,
    tokenizer::Token,
};
use lakeward_domain::{Code, LogicalType, Name, TableName, Tags};
use lakeward_policy::{ddl::ArgumentSpec, types::parse_type};

use super::{invalid_name, table_name_of};
use crate::error::{Error, Result, not_allowed, syntax};

/// A column as the statement gives it.
#[derive(Debug, Clone)]
pub(crate) struct ColumnSpec {
    pub(crate) name: Name,
    pub(crate) data_type: LogicalType,
    pub(crate) nullable: bool,
    pub(crate) comment: Option<String>,
    pub(crate) tags: Tags,
    pub(crate) mask: Option<FunctionUse>,
}

/// A policy function and the arguments given to it.
#[derive(Debug, Clone)]
pub(crate) struct FunctionUse {
    pub(crate) function: TableName,
    pub(crate) arguments: Vec<ArgumentSpec>,
}

/// CREATE TABLE.
#[derive(Debug, Clone)]
pub(crate) struct CreateTable {
    pub(crate) name: TableName,
    pub(crate) or_replace: bool,
    pub(crate) if_not_exists: bool,
    pub(crate) columns: Vec<ColumnSpec>,
    pub(crate) partitioned_by: Vec<Name>,
    pub(crate) comment: Option<String>,
    pub(crate) tags: Tags,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) row_filter: Option<FunctionUse>,
    pub(crate) query: Option<Box<ast::Query>>,
}

/// Takes a word that the parser does not know as a keyword.
pub(crate) fn take_word(parser: &mut Parser<'_>, word: &str) -> bool {
    let matches = match &parser.peek_token_ref().token {
        Token::Word(found) => found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word),
        _ => false,
    };
    if matches {
        parser.next_token();
    }
    matches
}

/// `('key' = 'value', 'key', …)`, keys also bare or dotless words.
pub(crate) fn tags(parser: &mut Parser<'_>) -> Result<Tags> {
    pairs(parser)
}

fn pairs(parser: &mut Parser<'_>) -> Result<BTreeMap<String, String>> {
    parser
        .expect_token(&Token::LParen)
        .map_err(|e| syntax(&e))?;
    let pairs = parser
        .parse_comma_separated(|parser| {
            let mut key = parser.parse_identifier_or_string()?;
            while parser.consume_token(&Token::Period) {
                key = format!("{key}.{}", parser.parse_identifier_or_string()?);
            }
            let value = if parser.consume_token(&Token::Eq) {
                parser.parse_identifier_or_string()?
            } else {
                String::new()
            };
            Ok((key.to_lowercase(), value.to_lowercase()))
        })
        .map_err(|e| syntax(&e))?;
    parser
        .expect_token(&Token::RParen)
        .map_err(|e| syntax(&e))?;
    Ok(pairs.into_iter().collect())
}

trait IdentifierOrString {
    fn parse_identifier_or_string(
        &mut self,
    ) -> std::result::Result<String, datafusion::sql::sqlparser::parser::ParserError>;
}

impl IdentifierOrString for Parser<'_> {
    fn parse_identifier_or_string(
        &mut self,
    ) -> std::result::Result<String, datafusion::sql::sqlparser::parser::ParserError> {
        match &self.peek_token_ref().token {
            Token::SingleQuotedString(_) => self.parse_literal_string(),
            Token::Number(..) => Ok(self.next_token().token.to_string()),
            _ => self.parse_identifier().map(|ident| ident.value),
        }
    }
}

/// Parses CREATE TABLE, or leaves the parser where it was.
pub(crate) fn create_table(parser: &mut Parser<'_>) -> Result<Option<CreateTable>> {
    let or_replace = if parser.parse_keywords(&[
        Keyword::CREATE,
        Keyword::OR,
        Keyword::REPLACE,
        Keyword::TABLE,
    ]) {
        true
    } else if parser.parse_keywords(&[Keyword::CREATE, Keyword::TABLE]) {
        false
    } else {
        return Ok(None);
    };
    let if_not_exists = parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
    let name = table_name_of(&parser.parse_object_name(false).map_err(|e| syntax(&e))?)?;
    let mut create = CreateTable {
        name,
        or_replace,
        if_not_exists,
        columns: Vec::new(),
        partitioned_by: Vec::new(),
        comment: None,
        tags: Tags::new(),
        properties: BTreeMap::new(),
        row_filter: None,
        query: None,
    };
    if parser.consume_token(&Token::LParen) {
        loop {
            create.columns.push(column(parser)?);
            if parser.consume_token(&Token::Comma) {
                continue;
            }
            parser
                .expect_token(&Token::RParen)
                .map_err(|e| syntax(&e))?;
            break;
        }
    }
    loop {
        if parser.parse_keyword(Keyword::USING) {
            let format = parser.parse_identifier().map_err(|e| syntax(&e))?;
            if !format.value.eq_ignore_ascii_case("delta") {
                return Err(not_allowed("USING another format than DELTA"));
            }
        } else if parser.parse_keywords(&[Keyword::PARTITIONED, Keyword::BY]) {
            create.partitioned_by = parser
                .parse_parenthesized_column_list(ast_mandatory(), false)
                .map_err(|e| syntax(&e))?
                .iter()
                .map(|ident| Name::parse(&ident.value).map_err(|_| invalid_name()))
                .collect::<Result<_>>()?;
        } else if parser.parse_keyword(Keyword::COMMENT) {
            let _ = parser.consume_token(&Token::Eq);
            create.comment = Some(parser.parse_literal_string().map_err(|e| syntax(&e))?);
        } else if parser.parse_keyword(Keyword::TBLPROPERTIES) {
            create.properties = pairs(parser)?;
        } else if take_word(parser, "TAGS") {
            create.tags = tags(parser)?;
        } else if parser.parse_keyword(Keyword::WITH) {
            if parser.parse_keyword(Keyword::TAG) {
                create.tags = tags(parser)?;
            } else if parser.parse_keyword(Keyword::ROW) && take_word(parser, "FILTER") {
                let function = function_name(parser)?;
                parser.expect_keyword(Keyword::ON).map_err(|e| syntax(&e))?;
                create.row_filter = Some(FunctionUse {
                    function,
                    arguments: arguments(parser)?,
                });
            } else {
                return Err(not_allowed("this WITH option of CREATE TABLE"));
            }
        } else {
            break;
        }
    }
    let opens_query = matches!(
        &parser.peek_token_ref().token,
        Token::Word(word) if matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::VALUES)
    );
    if parser.parse_keyword(Keyword::AS) || opens_query {
        create.query = Some(parser.parse_query().map_err(|e| syntax(&e))?);
    }
    if create.columns.is_empty() && create.query.is_none() {
        return Err(Error::new(
            Code::SyntaxError,
            "CREATE TABLE needs columns or a query",
        ));
    }
    if !create.columns.is_empty() && create.query.is_some() {
        return Err(not_allowed("CREATE TABLE with both columns and a query"));
    }
    Ok(Some(create))
}

const fn ast_mandatory() -> datafusion::sql::sqlparser::parser::IsOptional {
    datafusion::sql::sqlparser::parser::IsOptional::Mandatory
}

fn column(parser: &mut Parser<'_>) -> Result<ColumnSpec> {
    let ident = parser.parse_identifier().map_err(|e| syntax(&e))?;
    let name = Name::parse(&ident.value).map_err(|_| invalid_name())?;
    let data_type = data_type(parser)?;
    let mut column = ColumnSpec {
        name,
        data_type,
        nullable: true,
        comment: None,
        tags: Tags::new(),
        mask: None,
    };
    loop {
        if parser.parse_keywords(&[Keyword::NOT, Keyword::NULL]) {
            column.nullable = false;
        } else if parser.parse_keyword(Keyword::NULL) {
            column.nullable = true;
        } else if parser.parse_keyword(Keyword::COMMENT) {
            column.comment = Some(parser.parse_literal_string().map_err(|e| syntax(&e))?);
        } else if take_word(parser, "TAGS") {
            column.tags = tags(parser)?;
        } else if parser.parse_keyword(Keyword::WITH) {
            parser
                .expect_keyword(Keyword::TAG)
                .map_err(|e| syntax(&e))?;
            column.tags = tags(parser)?;
        } else if take_word(parser, "MASK") {
            let function = function_name(parser)?;
            let arguments = if parser.parse_keyword(Keyword::USING) {
                if !take_word(parser, "COLUMNS") {
                    return Err(Error::new(Code::SyntaxError, "USING COLUMNS expected"));
                }
                arguments(parser)?
            } else {
                Vec::new()
            };
            column.mask = Some(FunctionUse {
                function,
                arguments,
            });
        } else {
            return Ok(column);
        }
    }
}

/// The tokens of a type, read by whichever grammar knows it: `MAP<…>` is in Spark's only, `TEXT` and
/// `TIMESTAMP WITHOUT TIME ZONE` in the generic one.
fn data_type(parser: &mut Parser<'_>) -> Result<LogicalType> {
    const ENDS: [&str; 6] = ["NOT", "NULL", "COMMENT", "TAGS", "MASK", "DEFAULT"];
    let (mut depth, mut tokens) = (0_usize, Vec::new());
    loop {
        let token = parser.peek_nth_token(tokens.len());
        let is = |word: &str| matches!(&token.token, Token::Word(found) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word));
        let opens_tags = is("WITH")
            && matches!(parser.peek_nth_token(tokens.len() + 1).token, Token::Word(next) if next.value.eq_ignore_ascii_case("TAG"));
        match &token.token {
            Token::EOF | Token::SemiColon => break,
            Token::RParen | Token::Comma if depth == 0 => break,
            _ if depth == 0
                && !tokens.is_empty()
                && (opens_tags || ENDS.iter().any(|word| is(word))) =>
            {
                break;
            }
            Token::LParen | Token::Lt | Token::LBracket => depth += 1,
            Token::RParen | Token::Gt | Token::RBracket => depth = depth.saturating_sub(1),
            Token::ShiftRight => depth = depth.saturating_sub(2),
            _ => {}
        }
        tokens.push(token);
    }
    let read = |dialect: &dyn Dialect| {
        let mut parser = Parser::new(dialect).with_tokens_with_locations(tokens.clone());
        parser
            .parse_data_type()
            .ok()
            .filter(|_| parser.peek_token().token == Token::EOF)
    };
    let parsed = read(&GenericDialect {})
        .or_else(|| read(&SparkSqlDialect {}))
        .ok_or_else(|| {
            let at = parser.peek_token().span.start;
            Error::new(Code::SyntaxError, "a type is expected").at(Some((at.line, at.column)))
        })?;
    for _ in 0..tokens.len() {
        parser.next_token();
    }
    Ok(parse_type(&parsed)?)
}

fn function_name(parser: &mut Parser<'_>) -> Result<TableName> {
    table_name_of(&parser.parse_object_name(false).map_err(|e| syntax(&e))?)
}

/// `(column, 'literal', 4, …)`.
fn arguments(parser: &mut Parser<'_>) -> Result<Vec<ArgumentSpec>> {
    parser
        .expect_token(&Token::LParen)
        .map_err(|e| syntax(&e))?;
    if parser.consume_token(&Token::RParen) {
        return Ok(Vec::new());
    }
    let exprs = parser
        .parse_comma_separated(Parser::parse_expr)
        .map_err(|e| syntax(&e))?;
    parser
        .expect_token(&Token::RParen)
        .map_err(|e| syntax(&e))?;
    exprs
        .into_iter()
        .map(|expr| match expr {
            ast::Expr::Identifier(ident) => Name::parse(&ident.value)
                .map(ArgumentSpec::Column)
                .map_err(|_| invalid_name()),
            ast::Expr::Value(value) => Ok(ArgumentSpec::Literal(value.to_string())),
            _ => Err(not_allowed(
                "an argument that is neither a column nor a literal",
            )),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Statement, statement};
    use super::*;

    fn parsed(sql: &str) -> CreateTable {
        match statement(sql).unwrap() {
            Statement::CreateTable(create) => *create,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_column_clause_is_read() {
        let create = parsed(
            "CREATE TABLE IF NOT EXISTS phi.patients (
               id BIGINT NOT NULL COMMENT 'surrogate',
               ssn STRING MASK redact_ssn USING COLUMNS (tenant, 4) TAGS ('phi' = 'ssn'),
               payload STRUCT<ssn: STRING, addr: STRUCT<zip: STRING>>,
               dx ARRAY<STRING>, m MAP<STRING, DOUBLE>, charge DECIMAL(10,2),
               seen TIMESTAMP, local TIMESTAMP_NTZ, tenant STRING WITH TAG (area = 'x'))
             USING DELTA PARTITIONED BY (tenant) COMMENT 'people'
             TAGS ('domain' = 'Clinic') WITH ROW FILTER f ON (tenant, 'A')",
        );
        assert!(create.if_not_exists && !create.or_replace);
        assert_eq!(create.columns.len(), 9);
        assert!(!create.columns[0].nullable);
        assert_eq!(create.columns[1].tags["phi"], "ssn");
        assert_eq!(create.columns[1].mask.as_ref().unwrap().arguments.len(), 2);
        assert_eq!(create.columns[5].data_type, LogicalType::Decimal(10, 2));
        assert_eq!(create.partitioned_by.len(), 1);
        assert_eq!(create.tags["domain"], "clinic");
        assert_eq!(create.row_filter.unwrap().arguments.len(), 2);
    }

    #[test]
    fn a_table_can_be_made_from_a_query() {
        let create = parsed("create or replace table gold.x partitioned by (a) as select 1 as a");
        assert!(create.or_replace && create.query.is_some());
        assert!(
            parsed("create table x as with a as (select 1 b) select * from a")
                .query
                .is_some()
        );
    }

    #[test]
    fn another_format_is_refused() {
        assert_eq!(
            statement("create table t (a int) using parquet")
                .unwrap_err()
                .code(),
            Code::StatementNotAllowed
        );
    }
}
