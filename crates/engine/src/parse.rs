//! The statements that are allowed, and no others.
//!
//! A statement that is not recognised here is refused by name before anything is planned, so a
//! statement kind that DataFusion learns tomorrow stays refused until someone thinks about it.

mod clauses;
mod table;
mod words;

use datafusion::sql::sqlparser::{
    ast::{self, ObjectType, Set, ShowStatementIn, ShowStatementOptions},
    dialect::GenericDialect,
    keywords::Keyword,
    parser::Parser,
    tokenizer::{Token, Tokenizer},
};
use lakeward_domain::{Code, Name, TableName, Tags};
use lakeward_policy::ddl as policy_ddl;

use crate::error::{Error, Result, not_allowed, syntax};

pub(crate) use table::{ColumnSpec, CreateTable, FunctionUse};
pub(crate) use words::miscounted;

/// How deep a statement may nest.
const RECURSION_LIMIT: usize = 64;

/// A statement that may go on to the next step.
#[derive(Debug, Clone)]
pub(crate) enum Statement {
    /// SELECT, VALUES, WITH, set operations.
    Query(Box<ast::Query>),
    /// EXPLAIN of a query.
    Explain {
        query: Box<ast::Query>,
        analyze: bool,
    },
    /// EXPLAIN POLICY of a query.
    ExplainPolicy(Box<ast::Query>),
    /// INSERT INTO and INSERT OVERWRITE.
    Insert(Insert),
    /// CREATE SCHEMA.
    CreateSchema {
        name: Name,
        if_not_exists: bool,
        comment: Option<String>,
        tags: Tags,
    },
    /// DROP SCHEMA; only an empty one.
    DropSchema { name: Name, if_exists: bool },
    /// CREATE [OR REPLACE] TABLE, also AS.
    CreateTable(Box<CreateTable>),
    /// DROP TABLE.
    DropTable { name: TableName, if_exists: bool },
    /// COMMENT ON SCHEMA | TABLE | COLUMN.
    Comment {
        on: CommentTarget,
        comment: Option<String>,
    },
    /// SHOW SCHEMAS.
    ShowSchemas,
    /// SHOW TABLES [IN schema].
    ShowTables { schema: Option<Name> },
    /// DESCRIBE TABLE, SHOW COLUMNS.
    Describe { table: TableName },
    /// SET of an option on the allow-list.
    SetOption { name: String, value: String },
    /// A statement of the policy room.
    Policy(Box<policy_ddl::Statement>),
}

/// INSERT.
#[derive(Debug, Clone)]
pub(crate) struct Insert {
    pub(crate) table: TableName,
    pub(crate) columns: Vec<Name>,
    pub(crate) source: Box<ast::Query>,
    pub(crate) overwrite: bool,
}

/// What a comment is on.
#[derive(Debug, Clone)]
pub(crate) enum CommentTarget {
    Schema(Name),
    Table(TableName),
    Column(TableName, Name),
}

impl Statement {
    /// The table whose rows the statement writes.
    pub(crate) fn target(&self) -> Option<&TableName> {
        match self {
            Self::Insert(insert) => Some(&insert.table),
            Self::CreateTable(create) => Some(&create.name),
            _ => None,
        }
    }

    /// The kind, as the ledger names it. Never text of the statement.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Query(_) => "select",
            Self::Explain { .. } => "explain",
            Self::ExplainPolicy(_) => "explain policy",
            Self::Insert(insert) if insert.overwrite => "insert overwrite",
            Self::Insert(_) => "insert",
            Self::CreateSchema { .. } => "create schema",
            Self::DropSchema { .. } => "drop schema",
            Self::CreateTable(create) if create.query.is_some() => "create table as",
            Self::CreateTable(_) => "create table",
            Self::DropTable { .. } => "drop table",
            Self::Comment { .. } => "comment",
            Self::ShowSchemas => "show schemas",
            Self::ShowTables { .. } => "show tables",
            Self::Describe { .. } => "describe",
            Self::SetOption { .. } => "set",
            Self::Policy(statement) => statement.kind(),
        }
    }
}

/// Splits a script at its semicolons; quotes and comments are respected.
///
/// # Errors
/// [`Code::SyntaxError`] for text that cannot be split into tokens.
pub fn split(script: &str) -> Result<Vec<String>> {
    let tokens = Tokenizer::new(&GenericDialect {}, script)
        .tokenize_with_location()
        .map_err(|error| syntax(&error.into()))?;
    let lines: Vec<&str> = script.split_inclusive('\n').collect();
    let offset = |line: u64, column: u64| -> usize {
        let line = usize::try_from(line).unwrap_or(1).max(1) - 1;
        let before: usize = lines.iter().take(line).map(|l| l.len()).sum();
        let column = usize::try_from(column).unwrap_or(1).max(1) - 1;
        let within = lines.get(line).map_or(0, |l| {
            l.char_indices()
                .nth(column)
                .map_or(l.len(), |(byte, _)| byte)
        });
        before + within
    };
    let mut parts = Vec::new();
    let mut start = 0;
    let mut filled = false;
    for token in &tokens {
        match &token.token {
            Token::SemiColon => {
                let end = offset(token.span.start.line, token.span.start.column);
                if filled {
                    parts.push(script[start..end].trim().to_owned());
                }
                start = end + 1;
                filled = false;
            }
            Token::Whitespace(_) | Token::EOF => {}
            _ => filled = true,
        }
    }
    if filled {
        parts.push(script[start..].trim().to_owned());
    }
    Ok(parts)
}

/// Parses exactly one statement.
pub(crate) fn statement(sql: &str) -> Result<Statement> {
    let statement = parsed(sql)?;
    match &statement {
        Statement::Query(query)
        | Statement::Explain { query, .. }
        | Statement::ExplainPolicy(query) => clauses::refuse_ignored(query)?,
        Statement::Insert(insert) => clauses::refuse_ignored(&insert.source)?,
        Statement::CreateTable(create) => {
            create
                .query
                .as_deref()
                .map_or(Ok(()), clauses::refuse_ignored)?;
        }
        _ => {}
    }
    Ok(statement)
}

fn parsed(sql: &str) -> Result<Statement> {
    if let Some(statement) = policy_ddl::parse(sql)? {
        return match statement {
            policy_ddl::Statement::ExplainPolicy(inner) => match self::statement(&inner)? {
                Statement::Query(query) => Ok(Statement::ExplainPolicy(query)),
                other => Err(not_allowed(format!("EXPLAIN POLICY of {}", other.kind()))),
            },
            other => Ok(Statement::Policy(Box::new(other))),
        };
    }
    let mut parser = Parser::new(&GenericDialect {})
        .with_recursion_limit(RECURSION_LIMIT)
        .with_tokens_with_locations(words::tokens(sql)?);
    while parser.consume_token(&Token::SemiColon) {}
    if let Some(create) = table::create_table(&mut parser)? {
        end(&mut parser)?;
        return Ok(Statement::CreateTable(Box::new(create)));
    }
    if let Some(statement) = own_forms(&mut parser)? {
        end(&mut parser)?;
        return Ok(statement);
    }
    let parsed = parser.parse_statement().map_err(|error| syntax(&error));
    let parsed = parsed.and_then(|parsed| end(&mut parser).map(|()| parsed));
    match parsed {
        Ok(parsed) => allowed(parsed),
        // Forms that the SQL parser does not know are refused by name too.
        Err(error) => Err(words::off_the_list(sql).map_or(error, not_allowed)),
    }
}

fn end(parser: &mut Parser<'_>) -> Result<()> {
    while parser.consume_token(&Token::SemiColon) {}
    let next = parser.peek_token();
    if next.token == Token::EOF {
        return Ok(());
    }
    Err(Error::new(
        Code::SyntaxError,
        "the text goes on where the statement should end",
    )
    .at(Some((next.span.start.line, next.span.start.column))))
}

/// Forms that the SQL parser lacks or reads more loosely than we want.
fn own_forms(parser: &mut Parser<'_>) -> Result<Option<Statement>> {
    if parser.parse_keywords(&[Keyword::CREATE, Keyword::SCHEMA]) {
        let if_not_exists = parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
        let name = schema_name(&parser.parse_object_name(false).map_err(|e| syntax(&e))?)?;
        let (mut comment, mut tags) = (None, Tags::new());
        loop {
            if parser.parse_keyword(Keyword::COMMENT) {
                let _ = parser.consume_token(&Token::Eq);
                comment = Some(parser.parse_literal_string().map_err(|e| syntax(&e))?);
            } else if table::take_word(parser, "TAGS") {
                tags = table::tags(parser)?;
            } else {
                break;
            }
        }
        return Ok(Some(Statement::CreateSchema {
            name,
            if_not_exists,
            comment,
            tags,
        }));
    }
    if parser.parse_keyword(Keyword::DESCRIBE) || parser.parse_keyword(Keyword::DESC) {
        let _ = parser.parse_keyword(Keyword::TABLE);
        let name = parser.parse_object_name(false).map_err(|e| syntax(&e))?;
        return Ok(Some(Statement::Describe {
            table: table_name_of(&name)?,
        }));
    }
    Ok(None)
}

fn allowed(parsed: ast::Statement) -> Result<Statement> {
    use ast::Statement as S;
    match parsed {
        S::Query(query) => Ok(Statement::Query(query)),
        S::Explain {
            analyze,
            statement,
            verbose,
            query_plan,
            estimate,
            format,
            options,
            ..
        } => {
            if verbose || query_plan || estimate || format.is_some() || options.is_some() {
                return Err(not_allowed("this option of EXPLAIN"));
            }
            match *statement {
                S::Query(query) => Ok(Statement::Explain { query, analyze }),
                _ => Err(not_allowed("EXPLAIN of anything but a query")),
            }
        }
        S::ExplainTable { table_name, .. } => Ok(Statement::Describe {
            table: table_name_of(&table_name)?,
        }),
        S::ShowColumns { show_options, .. } => match in_object(&show_options)? {
            Some(table) => Ok(Statement::Describe {
                table: table_name_of(&table)?,
            }),
            None => Err(Error::new(Code::SyntaxError, "SHOW COLUMNS needs a table")),
        },
        S::ShowTables {
            show_options,
            terse,
            history,
            extended,
            full,
            external,
        } => {
            if terse || history || extended || full || external {
                return Err(not_allowed("this option of SHOW TABLES"));
            }
            let schema = in_object(&show_options)?
                .map(|name| schema_name(&name))
                .transpose()?;
            Ok(Statement::ShowTables { schema })
        }
        S::ShowSchemas { .. } | S::ShowDatabases { .. } => Ok(Statement::ShowSchemas),
        S::Insert(insert) => self::insert(insert),
        S::Drop {
            object_type,
            if_exists,
            names,
            cascade,
            purge,
            temporary,
            ..
        } => {
            if cascade || purge || temporary {
                return Err(not_allowed("CASCADE, PURGE or TEMPORARY in DROP"));
            }
            let [name] = names.as_slice() else {
                return Err(not_allowed("DROP of several objects at once"));
            };
            match object_type {
                ObjectType::Table => Ok(Statement::DropTable {
                    name: table_name_of(name)?,
                    if_exists,
                }),
                ObjectType::Schema => Ok(Statement::DropSchema {
                    name: schema_name(name)?,
                    if_exists,
                }),
                other => Err(not_allowed(format!("DROP {other}"))),
            }
        }
        S::Comment {
            object_type,
            object_name,
            comment,
            ..
        } => {
            let on = match object_type {
                ast::CommentObject::Schema => CommentTarget::Schema(schema_name(&object_name)?),
                ast::CommentObject::Table => CommentTarget::Table(table_name_of(&object_name)?),
                ast::CommentObject::Column => {
                    let mut parts = parts_of(&object_name)?;
                    let Some(column) = parts.pop() else {
                        return Err(invalid_name());
                    };
                    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                    CommentTarget::Column(
                        TableName::from_parts(&parts).map_err(|_| invalid_name())?,
                        Name::parse(&column).map_err(|_| invalid_name())?,
                    )
                }
                other => return Err(not_allowed(format!("COMMENT ON {other}"))),
            };
            Ok(Statement::Comment { on, comment })
        }
        S::Set(Set::SingleAssignment {
            variable, values, ..
        }) => match values.as_slice() {
            [value] => Ok(Statement::SetOption {
                name: parts_of(&variable)?.join(".").to_lowercase(),
                value: literal_text(value)?,
            }),
            _ => Err(not_allowed("SET with several values")),
        },
        S::Set(Set::SetTimeZone { value, .. }) => Ok(Statement::SetOption {
            name: "timezone".into(),
            value: literal_text(&value)?,
        }),
        other => Err(not_allowed(first_words(&other))),
    }
}

fn insert(insert: ast::Insert) -> Result<Statement> {
    let extra = insert.or.is_some()
        || insert.ignore
        || insert.partitioned.is_some()
        || !insert.after_columns.is_empty()
        || insert.on.is_some()
        || insert.returning.is_some()
        || insert.output.is_some()
        || insert.replace_into
        || insert.priority.is_some()
        || insert.insert_alias.is_some()
        || insert.settings.is_some()
        || insert.format_clause.is_some()
        || insert.table_alias.is_some()
        || !insert.assignments.is_empty();
    if extra {
        return Err(not_allowed("this option of INSERT"));
    }
    let ast::TableObject::TableName(table) = &insert.table else {
        return Err(not_allowed("INSERT into anything but a table"));
    };
    let Some(source) = insert.source else {
        return Err(not_allowed("INSERT without a query or VALUES"));
    };
    let columns = insert
        .columns
        .iter()
        .map(|column| match parts_of(column)?.as_slice() {
            [one] => Name::parse(one).map_err(|_| invalid_name()),
            _ => Err(invalid_name()),
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Statement::Insert(Insert {
        table: table_name_of(table)?,
        columns,
        source,
        overwrite: insert.overwrite,
    }))
}

fn in_object(options: &ShowStatementOptions) -> Result<Option<ast::ObjectName>> {
    let ShowStatementOptions {
        show_in,
        starts_with,
        limit,
        limit_from,
        filter_position,
    } = options;
    if starts_with.is_some() || limit.is_some() || limit_from.is_some() || filter_position.is_some()
    {
        return Err(not_allowed("this option of SHOW"));
    }
    Ok(show_in
        .as_ref()
        .and_then(|ShowStatementIn { parent_name, .. }| parent_name.clone()))
}

fn literal_text(value: &ast::Expr) -> Result<String> {
    match value {
        ast::Expr::Value(value) => match &value.value {
            ast::Value::SingleQuotedString(text) | ast::Value::DoubleQuotedString(text) => {
                Ok(text.clone())
            }
            ast::Value::Number(text, _) => Ok(text.clone()),
            ast::Value::Boolean(flag) => Ok(flag.to_string()),
            _ => Err(not_allowed("this value in SET")),
        },
        ast::Expr::Identifier(word) => Ok(word.value.clone()),
        _ => Err(not_allowed("this value in SET")),
    }
}

/// The keywords that a refused statement begins with. Keywords only: the rest is the reader's text.
fn first_words(statement: &ast::Statement) -> String {
    let text = statement.to_string();
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c == '(')
        .take(2)
        .take_while(|word| word.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        .collect();
    if words.is_empty() {
        "this statement".into()
    } else {
        words.join(" ")
    }
}

pub(crate) fn invalid_name() -> Error {
    Error::new(
        Code::InvalidName,
        "a name of the statement is not a valid name",
    )
}

/// The parts of a dotted name.
pub(crate) fn parts_of(name: &ast::ObjectName) -> Result<Vec<String>> {
    name.0
        .iter()
        .map(|part| {
            part.as_ident()
                .map(|ident| ident.value.clone())
                .ok_or_else(invalid_name)
        })
        .collect()
}

pub(crate) fn table_name_of(name: &ast::ObjectName) -> Result<TableName> {
    let parts = parts_of(name)?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    TableName::from_parts(&parts).map_err(|_| invalid_name())
}

fn schema_name(name: &ast::ObjectName) -> Result<Name> {
    match parts_of(name)?.as_slice() {
        [schema] => Name::parse(schema).map_err(|_| invalid_name()),
        [catalog, schema] if catalog.eq_ignore_ascii_case(lakeward_domain::names::CATALOG) => {
            Name::parse(schema).map_err(|_| invalid_name())
        }
        _ => Err(invalid_name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_splits_at_semicolons_outside_quotes_and_comments() {
        let parts = split("select ';' as a; -- no; not here\n select 2 ;;\n/* ; */ select \"x;y\"")
            .unwrap();
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[0], "select ';' as a");
        assert!(parts[1].ends_with("select 2"));
        assert!(parts[2].ends_with("select \"x;y\""));
    }

    #[test]
    fn statements_off_the_list_are_refused_by_name() {
        let refused = [
            ("COPY t TO 'x.parquet'", "COPY"),
            ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'x'", ""),
            ("CREATE VIEW v AS SELECT 1", "CREATE VIEW"),
            ("TRUNCATE TABLE t", "TRUNCATE TABLE"),
            ("ANALYZE TABLE t", "ANALYZE TABLE"),
            ("DELETE FROM t", "DELETE FROM"),
            ("EXPLAIN VERBOSE SELECT 1", "EXPLAIN"),
            ("DROP VIEW v", "DROP VIEW"),
            ("SELECT 1; SELECT 2", ""),
            ("SELECT * FROM t TABLESAMPLE BERNOULLI (50)", "TABLESAMPLE"),
            (
                "WITH a AS (SELECT * FROM t TABLESAMPLE (5 ROWS)) SELECT 1",
                "TABLESAMPLE",
            ),
            (
                "SELECT * FROM t WHERE a IN (SELECT 1 FROM u FOR UPDATE)",
                "FOR UPDATE",
            ),
            ("EXPLAIN SELECT TOP 5 * FROM t", "TOP"),
            ("INSERT INTO t SELECT * FROM u FOR UPDATE", "FOR UPDATE"),
        ];
        for (sql, named) in refused {
            let error = statement(sql).unwrap_err();
            assert!(
                matches!(error.code(), Code::StatementNotAllowed | Code::SyntaxError),
                "{sql}: {error}"
            );
            assert!(error.cause().contains(named), "{sql}: {error}");
        }
    }

    #[test]
    fn allowed_statements_have_their_kind() {
        let cases = [
            ("select 1", "select"),
            ("with a as (select 1) select * from a", "select"),
            ("explain select 1", "explain"),
            ("explain analyze select 1", "explain"),
            ("explain policy select ssn from t", "explain policy"),
            ("insert into t values (1)", "insert"),
            ("insert overwrite t select 1", "insert overwrite"),
            ("insert overwrite table t select 1", "insert overwrite"),
            (
                "create schema bronze comment 'raw' tags ('phi' = 'any')",
                "create schema",
            ),
            ("drop schema if exists bronze", "drop schema"),
            ("drop table a.b", "drop table"),
            ("show tables in bronze", "show tables"),
            ("show schemas", "show schemas"),
            ("describe table a.b", "describe"),
            ("describe a.b", "describe"),
            ("show columns in a.b", "describe"),
            ("set time zone 'Europe/Berlin'", "set"),
            ("set statement_timeout = '30s'", "set"),
            ("comment on column a.b.c is 'x'", "comment"),
        ];
        for (sql, kind) in cases {
            assert_eq!(
                statement(sql).map(|s| s.kind()).unwrap_or("?"),
                kind,
                "{sql}"
            );
        }
    }
}
