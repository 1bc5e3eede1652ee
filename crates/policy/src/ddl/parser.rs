//! Reads policy statements, token by token.

use std::collections::{BTreeMap, BTreeSet};

use lakeward_domain::{Duty, Name, RequesterKind, TableName, Tags, names};
use sqlparser::tokenizer::Token;

use super::{
    cursor::{Cursor, is, offset, to_table_name},
    statement::{
        ArgumentSpec, FirstArg, GranteeSpec, MemberSpec, SecurableSpec, ShowGrantsOf, Statement,
        TagTarget,
    },
};
use crate::{Error, Privilege, Result, syntax};

/// Reads one statement; `None` if it is not about policies, rights or principals.
///
/// # Errors
/// [`Error::Syntax`] and others for a statement that begins like one of ours and goes wrong.
pub fn parse(sql: &str) -> Result<Option<Statement>> {
    let mut tokens = syntax::tokens(sql)?;
    while tokens.last().is_some_and(|t| t.token == Token::SemiColon) {
        tokens.pop();
    }
    let mut cursor = Cursor::new(sql, tokens);
    let Some(statement) = cursor.statement()? else {
        return Ok(None);
    };
    cursor.end()?;
    Ok(Some(statement))
}

impl Cursor<'_> {
    fn statement(&mut self) -> Result<Option<Statement>> {
        if self.words("CREATE") {
            return self.create();
        }
        if self.words("ALTER") {
            return self.alter();
        }
        if self.words("DROP") {
            return self.drop_();
        }
        if self.words("GRANT") {
            return self.grant().map(Some);
        }
        if self.words("REVOKE") {
            return self.revoke().map(Some);
        }
        if self.words("EXPLAIN POLICY") {
            return self.explain().map(Some);
        }
        if self.words("SHOW") {
            return self.show();
        }
        if self.words("DESCRIBE FUNCTION") || self.words("DESC FUNCTION") {
            self.words("EXTENDED");
            let name = self.table_name()?;
            return Ok(Some(Statement::DescribeFunction { name }));
        }
        if self.words("SET PURPOSE") {
            if !self.token(&Token::Eq) {
                self.words("TO");
            }
            let name = self.name_or_text()?;
            let reference = if self.words("REFERENCE") {
                Some(self.text("a quoted reference")?)
            } else {
                None
            };
            return Ok(Some(Statement::SetPurpose { name, reference }));
        }
        if self.words("UNSET PURPOSE") || self.words("RESET PURPOSE") {
            return Ok(Some(Statement::UnsetPurpose));
        }
        Ok(None)
    }

    fn create(&mut self) -> Result<Option<Statement>> {
        let or_replace = self.words("OR REPLACE");
        if self.words("FUNCTION") {
            return self.create_function(or_replace).map(Some);
        }
        let kind = if self.words("USER") {
            Some(RequesterKind::User)
        } else if self.words("SERVICE") {
            self.words("PRINCIPAL");
            Some(RequesterKind::Service)
        } else {
            None
        };
        if kind.is_none() && !self.words("GROUP") {
            return Ok(None);
        }
        if or_replace {
            return self.fail("FUNCTION: users and groups cannot be replaced");
        }
        let if_not_exists = self.words("IF NOT EXISTS");
        let name = self.name_or_text()?;
        let Some(kind) = kind else {
            return Ok(Some(Statement::CreateGroup {
                name,
                if_not_exists,
            }));
        };
        let attributes = if self.words("WITH ATTRIBUTES") || self.words("ATTRIBUTES") {
            self.pairs()?
        } else {
            BTreeMap::new()
        };
        Ok(Some(Statement::CreateUser {
            name,
            kind,
            if_not_exists,
            attributes,
        }))
    }

    fn create_function(&mut self, or_replace: bool) -> Result<Statement> {
        let if_not_exists = self.words("IF NOT EXISTS");
        let name = self.table_name()?;
        let parameters = self.list(|cursor| {
            let name = cursor.name()?;
            let data_type = cursor.data_type(&[])?;
            if cursor.words("COMMENT") {
                cursor.text("a quoted comment")?;
            }
            Ok((name, data_type))
        })?;
        let mut returns = None;
        let mut comment = None;
        loop {
            if self.words("RETURNS") {
                returns = Some(self.data_type(&[
                    "RETURN",
                    "DETERMINISTIC",
                    "NOT",
                    "LANGUAGE",
                    "COMMENT",
                    "CONTAINS",
                    "AS",
                ])?);
            } else if self.words("LANGUAGE") {
                if !self.words("SQL") {
                    return self.fail("SQL, the one language of functions");
                }
            } else if self.words("NOT DETERMINISTIC") {
                return Err(Error::Invalid(
                    "a function that is not deterministic cannot be a policy".into(),
                ));
            } else if self.words("DETERMINISTIC") || self.words("CONTAINS SQL") {
                // True of every function here.
            } else if self.words("COMMENT") {
                comment = Some(self.text("a quoted comment")?);
            } else {
                break;
            }
        }
        if !self.words("RETURN") {
            return self.fail("RETURN");
        }
        let rest = self.tokens.split_off(self.at);
        Ok(Statement::CreateFunction {
            or_replace,
            if_not_exists,
            name,
            parameters,
            returns,
            body: Box::new(syntax::expression_of(rest)?),
            comment,
        })
    }

    fn alter(&mut self) -> Result<Option<Statement>> {
        if self.words("TABLE") {
            return self.alter_table();
        }
        if self.words("SCHEMA") || self.words("DATABASE") {
            let name = self.name()?;
            return self.tags_of(TagTarget::Schema(name));
        }
        if self.words("CATALOG") {
            if !self.is_word("SET") && !self.is_word("UNSET") {
                self.catalog_name()?;
            }
            return self.tags_of(TagTarget::Catalog);
        }
        if self.words("USER") || self.words("SERVICE") {
            return self.alter_user().map(Some);
        }
        if self.words("GROUP") {
            return self.alter_group().map(Some);
        }
        Ok(None)
    }

    fn alter_user(&mut self) -> Result<Statement> {
        let name = self.name_or_text()?;
        let mut set = BTreeMap::new();
        let mut unset = BTreeSet::new();
        let mut disabled = None;
        loop {
            if self.words("SET ATTRIBUTES") {
                set.extend(self.pairs()?);
            } else if self.words("UNSET ATTRIBUTES") {
                unset.extend(self.keys()?);
            } else if self.words("ENABLE") {
                disabled = Some(false);
            } else if self.words("DISABLE") {
                disabled = Some(true);
            } else {
                break;
            }
        }
        if set.is_empty() && unset.is_empty() && disabled.is_none() {
            return self.fail("SET ATTRIBUTES, UNSET ATTRIBUTES, ENABLE or DISABLE");
        }
        Ok(Statement::AlterUser {
            name,
            set,
            unset,
            disabled,
        })
    }

    fn alter_group(&mut self) -> Result<Statement> {
        let name = self.name_or_text()?;
        let (mut add, mut drop) = (Vec::new(), Vec::new());
        loop {
            if self.words("ADD") {
                self.words("MEMBER");
                add.extend(self.members()?);
            } else if self.words("DROP") || self.words("REMOVE") {
                self.words("MEMBER");
                drop.extend(self.members()?);
            } else {
                break;
            }
        }
        if add.is_empty() && drop.is_empty() {
            return self.fail("ADD or DROP");
        }
        Ok(Statement::AlterGroup { name, add, drop })
    }

    fn members(&mut self) -> Result<Vec<MemberSpec>> {
        self.comma_separated(|cursor| {
            Ok(if cursor.role_word("USER") || cursor.role_word("SERVICE") {
                MemberSpec::User(cursor.name_or_text()?)
            } else if cursor.role_word("GROUP") {
                MemberSpec::Group(cursor.name_or_text()?)
            } else {
                MemberSpec::Any(cursor.name_or_text()?)
            })
        })
    }

    fn alter_table(&mut self) -> Result<Option<Statement>> {
        // Whether it is ours is known only after the names, so nothing may fail before.
        if self.is_word("IF") {
            return Ok(None);
        }
        let Ok(parts) = self.parts() else {
            return Ok(None);
        };
        if self.words("SET ROW FILTER") {
            let table = to_table_name(&parts)?;
            let function = self.table_name()?;
            if !self.words("ON") {
                return self.fail("ON (columns)");
            }
            let on = self.list(Self::argument)?;
            return Ok(Some(Statement::SetRowFilter {
                table,
                function,
                on,
            }));
        }
        if self.words("DROP ROW FILTER") || self.words("UNSET ROW FILTER") {
            let table = to_table_name(&parts)?;
            return Ok(Some(Statement::DropRowFilter { table }));
        }
        if self.is_words("SET TAGS") || self.is_words("UNSET TAGS") {
            return self.tags_of(TagTarget::Table(to_table_name(&parts)?));
        }
        if !self.words("ALTER") && !self.words("MODIFY") {
            return Ok(None);
        }
        self.words("COLUMN");
        let Ok(column) = self.parts() else {
            return Ok(None);
        };
        let set =
            self.is_words("SET MASK") || self.is_words("SET MASKED") || self.is_words("ADD MASKED");
        let dropped = self.is_words("DROP MASK")
            || self.is_words("DROP MASKED")
            || self.is_words("UNSET MASK");
        let tags = self.is_words("SET TAGS") || self.is_words("UNSET TAGS");
        if !set && !dropped && !tags {
            return Ok(None);
        }
        let table = to_table_name(&parts)?;
        let [column] = column.as_slice() else {
            return Err(Error::Invalid(
                "masks and tags stand on whole columns, not on fields of a struct".into(),
            ));
        };
        let column = Name::parse(column)?;
        if tags {
            return self.tags_of(TagTarget::Column(table, column));
        }
        let verb_and_noun = 2;
        let masked = self
            .tokens
            .get(self.at + 1)
            .is_some_and(|t| is(t, "MASKED"));
        self.at += verb_and_noun;
        if dropped {
            return Ok(Some(Statement::DropMask { table, column }));
        }
        if masked {
            return self.masked_with(table, column).map(Some);
        }
        let function = self.table_name()?;
        let using = if self.words("USING COLUMNS") {
            self.list(Self::argument)?
        } else {
            Vec::new()
        };
        Ok(Some(Statement::SetMask {
            table,
            column,
            function,
            first: FirstArg::Implied,
            using,
        }))
    }

    /// `WITH (FUNCTION f(c, …))`, after `SET MASKED`.
    fn masked_with(&mut self, table: TableName, column: Name) -> Result<Statement> {
        if !self.words("WITH") {
            return self.fail("WITH (FUNCTION f(column))");
        }
        self.expect(&Token::LParen, "(")?;
        if !self.words("FUNCTION") {
            return self.fail("FUNCTION f(column)");
        }
        if self.token(&Token::Eq) {
            return Err(Error::Invalid(
                "mask functions in quotes are not supported: name a function, FUNCTION f(column)"
                    .into(),
            ));
        }
        let function = self.table_name()?;
        let mut arguments = self.list(Self::argument)?;
        self.expect(&Token::RParen, ")")?;
        if arguments.is_empty() {
            return Err(Error::Invalid(format!(
                "the first argument of a mask on {column} must be {column} itself"
            )));
        }
        let first = match arguments.remove(0) {
            ArgumentSpec::Column(name) => FirstArg::Named(name),
            ArgumentSpec::Literal(_) => {
                return Err(Error::Invalid(format!(
                    "the first argument of a mask on {column} must be {column} itself"
                )));
            }
        };
        Ok(Statement::SetMask {
            table,
            column,
            function,
            first,
            using: arguments,
        })
    }

    fn tags_of(&mut self, target: TagTarget) -> Result<Option<Statement>> {
        if self.words("SET TAGS") {
            let tags: Tags = self
                .pairs()?
                .into_iter()
                .map(|(key, value)| (key, value.trim().to_lowercase()))
                .collect();
            return Ok(Some(Statement::SetTags { target, tags }));
        }
        if self.words("UNSET TAGS") {
            let keys = self.keys()?;
            return Ok(Some(Statement::UnsetTags { target, keys }));
        }
        Ok(None)
    }

    fn drop_(&mut self) -> Result<Option<Statement>> {
        if self.words("FUNCTION") {
            let if_exists = self.words("IF EXISTS");
            let name = self.table_name()?;
            return Ok(Some(Statement::DropFunction { name, if_exists }));
        }
        let group = self.words("GROUP");
        if !group && !self.words("USER") && !self.words("SERVICE") {
            return Ok(None);
        }
        let if_exists = self.words("IF EXISTS");
        let name = self.name_or_text()?;
        Ok(Some(if group {
            Statement::DropGroup { name, if_exists }
        } else {
            Statement::DropUser { name, if_exists }
        }))
    }

    fn grant(&mut self) -> Result<Statement> {
        if self.words("DUTY") || self.words("DUTIES") {
            let duties = self.comma_separated(Self::duty)?;
            if !self.words("TO") {
                return self.fail("TO");
            }
            let to = self.users()?;
            return Ok(Statement::GrantDuty { duties, to });
        }
        let privileges = self.privileges(&GRANT_ALL)?;
        let on = self.securable_or_whole_lake("TO", &privileges)?;
        if !self.words("TO") {
            return self.fail("TO");
        }
        let to = self.comma_separated(Self::grantee)?;
        Ok(Statement::Grant { privileges, on, to })
    }

    fn revoke(&mut self) -> Result<Statement> {
        if self.words("DUTY") || self.words("DUTIES") {
            let duties = self.comma_separated(Self::duty)?;
            if !self.words("FROM") {
                return self.fail("FROM");
            }
            let from = self.users()?;
            return Ok(Statement::RevokeDuty { duties, from });
        }
        let privileges = self.privileges(&Privilege::ALL)?;
        let on = self.securable_or_whole_lake("FROM", &privileges)?;
        if !self.words("FROM") {
            return self.fail("FROM");
        }
        let from = self.comma_separated(Self::grantee)?;
        Ok(Statement::Revoke {
            privileges,
            on,
            from,
        })
    }

    fn users(&mut self) -> Result<Vec<Name>> {
        self.comma_separated(|cursor| {
            if !cursor.role_word("USER") {
                cursor.role_word("SERVICE");
            }
            cursor.name_or_text()
        })
    }

    fn duty(&mut self) -> Result<Duty> {
        let name = self.name_or_text()?;
        match name.as_str().replace([' ', '-'], "_").parse() {
            Ok(duty) => Ok(duty),
            Err(()) => {
                self.at = self.at.saturating_sub(1);
                self.fail("a duty: system_admin, policy_admin, identity_admin, key_officer, auditor, data_steward or impersonator")
            }
        }
    }

    fn privileges(&mut self, all: &[Privilege]) -> Result<Vec<Privilege>> {
        if self.words("ALL") {
            self.words("PRIVILEGES");
            return Ok(all.to_vec());
        }
        let mut privileges = self.comma_separated(|cursor| {
            for (words, privilege) in [
                ("USE SCHEMA", Privilege::Usage),
                ("USE CATALOG", Privilege::Usage),
                ("USAGE", Privilege::Usage),
                ("SELECT", Privilege::Select),
                ("MODIFY", Privilege::Modify),
                ("CREATE TABLE", Privilege::Create),
                ("CREATE FUNCTION", Privilege::Create),
                ("CREATE", Privilege::Create),
                ("UNMASK", Privilege::Unmask),
                ("EXPORT", Privilege::Export),
                ("EXECUTE", Privilege::Execute),
                ("MANAGE", Privilege::Manage),
            ] {
                if cursor.words(words) {
                    return Ok(privilege);
                }
            }
            cursor.fail("USAGE, SELECT, MODIFY, CREATE, UNMASK, EXPORT, EXECUTE or MANAGE")
        })?;
        privileges.sort_unstable();
        privileges.dedup();
        Ok(privileges)
    }

    /// `ON …`; SQL Server's `GRANT UNMASK TO u` has none and means everything.
    fn securable_or_whole_lake(
        &mut self,
        next: &str,
        privileges: &[Privilege],
    ) -> Result<SecurableSpec> {
        if self.words("ON") {
            return self.securable();
        }
        if privileges == [Privilege::Unmask] && self.is_word(next) {
            return Ok(SecurableSpec::Catalog);
        }
        self.fail("ON")
    }

    fn securable(&mut self) -> Result<SecurableSpec> {
        if self.role_word("TABLE") || self.role_word("VIEW") {
            return self.table_name().map(SecurableSpec::Table);
        }
        if self.role_word("SCHEMA") || self.role_word("DATABASE") {
            let parts = self.parts()?;
            return match parts.as_slice() {
                [schema] => Ok(SecurableSpec::Schema(Name::parse(schema)?)),
                [catalog, schema] if catalog.eq_ignore_ascii_case(names::CATALOG) => {
                    Ok(SecurableSpec::Schema(Name::parse(schema)?))
                }
                _ => Err(Error::Name(names::InvalidName)),
            };
        }
        if self.role_word("COLUMN") {
            let mut parts = self.parts()?;
            let column = parts.pop().ok_or(Error::Name(names::InvalidName))?;
            return Ok(SecurableSpec::Column(
                to_table_name(&parts)?,
                Name::parse(&column)?,
            ));
        }
        if self.role_word("TAG") {
            let key = self.key()?;
            let value = if self.token(&Token::Eq) {
                Some(self.value()?.trim().to_lowercase())
            } else {
                None
            };
            return Ok(SecurableSpec::Tag(key, value));
        }
        if self.role_word("FUNCTION") {
            return self.table_name().map(SecurableSpec::Function);
        }
        // `ON CATALOG`, alone or with the catalog's name.
        if self.is_word("CATALOG") {
            let named = self.tokens.get(self.at + 1).is_some_and(|t| {
                matches!(&t.token, Token::Word(_)) && !is(t, "TO") && !is(t, "FROM")
            });
            self.at += 1;
            if named {
                self.catalog_name()?;
            }
            return Ok(SecurableSpec::Catalog);
        }
        self.table_name().map(SecurableSpec::Table)
    }

    fn catalog_name(&mut self) -> Result<()> {
        let name = self.name()?;
        if name.as_str() == names::CATALOG {
            Ok(())
        } else {
            Err(Error::NotFound(format!("catalog {name}")))
        }
    }

    fn grantee(&mut self) -> Result<GranteeSpec> {
        if self.words("ACCOUNT USERS") {
            return Ok(GranteeSpec::AccountUsers);
        }
        if self.role_word("USER") || self.role_word("SERVICE") {
            return self.name_or_text().map(GranteeSpec::User);
        }
        if self.role_word("GROUP") || self.role_word("ROLE") {
            return self.name_or_text().map(GranteeSpec::Group);
        }
        let name = self.name_or_text()?;
        Ok(match name.as_str() {
            "account users" | "public" => GranteeSpec::AccountUsers,
            _ => GranteeSpec::Any(name),
        })
    }

    fn explain(&mut self) -> Result<Statement> {
        let Some(first) = self.tokens.get(self.at) else {
            return self.fail("a query");
        };
        let last = self.tokens.last().unwrap_or(first);
        let (from, to) = (
            offset(self.sql, first.span.start.line, first.span.start.column),
            offset(self.sql, last.span.end.line, last.span.end.column),
        );
        let Some(query) = self.sql.get(from..to) else {
            return self.fail("a query");
        };
        let query = query.to_owned();
        self.at = self.tokens.len();
        Ok(Statement::ExplainPolicy(query))
    }

    fn show(&mut self) -> Result<Option<Statement>> {
        if self.words("GRANTS") || self.words("GRANT") {
            if self.words("ON") {
                return Ok(Some(Statement::ShowGrants(ShowGrantsOf::On(
                    self.securable()?,
                ))));
            }
            if self.words("TO") || self.words("FOR") {
                return Ok(Some(Statement::ShowGrants(ShowGrantsOf::To(
                    self.grantee()?,
                ))));
            }
            return Ok(Some(Statement::ShowGrants(ShowGrantsOf::Own)));
        }
        if self.words("POLICIES") {
            let on = if self.words("ON") {
                self.role_word("TABLE");
                Some(self.table_name()?)
            } else {
                None
            };
            return Ok(Some(Statement::ShowPolicies { on }));
        }
        if self.words("USERS") {
            return Ok(Some(Statement::ShowUsers));
        }
        if self.words("GROUPS") {
            return Ok(Some(Statement::ShowGroups));
        }
        if self.words("USER FUNCTIONS") || (self.is_word("FUNCTIONS") && self.is_last()) {
            self.words("FUNCTIONS");
            return Ok(Some(Statement::ShowFunctions));
        }
        Ok(None)
    }
}

/// `ALL PRIVILEGES` gives no right to unmask, to carry data away, or to pass rights on: those are
/// granted by name.
const GRANT_ALL: [Privilege; 5] = [
    Privilege::Usage,
    Privilege::Select,
    Privilege::Modify,
    Privilege::Create,
    Privilege::Execute,
];
