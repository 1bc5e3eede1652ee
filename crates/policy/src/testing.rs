//! A small lake for tests, filled by the statements under test themselves.

use std::collections::{BTreeMap, BTreeSet};

use lakeward_domain::{
    Column, ColumnId, Door, Duty, FunctionId, GrantId, Group, LogicalType, Name, PolicyId,
    PrincipalId, Published, Purpose, Requester, RequesterKind, Schema, SchemaId, Table, TableId,
    TableName, Tags, Timestamp,
};

use crate::{
    Error, Facts, Function, Grant, Grantee, Policy, PolicyKind, Privilege, Result, Securable,
    Statement, bind,
    ddl::{self, GranteeSpec, SecurableSpec},
};

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn id(n: u8) -> [u8; 16] {
    [n; 16]
}

pub(crate) fn user(n: u8, login: &str, groups: &[&str]) -> Requester {
    Requester {
        id: PrincipalId::from_bytes(id(n)),
        name: name(login),
        kind: RequesterKind::User,
        groups: groups
            .iter()
            .map(|g| Group {
                id: group_id(g),
                name: name(g),
            })
            .collect(),
        attributes: BTreeMap::new(),
        duties: BTreeSet::new(),
        purpose: None,
        impersonator: None,
        door: Door::Cli,
    }
}

pub(crate) fn with_attribute(mut requester: Requester, key: &str, value: &str) -> Requester {
    requester.attributes.insert(key.into(), value.into());
    requester
}

pub(crate) fn with_duty(mut requester: Requester, duty: Duty) -> Requester {
    requester.duties.insert(duty);
    requester
}

pub(crate) fn with_purpose(mut requester: Requester, purpose: &str) -> Requester {
    requester.purpose = Some(Purpose {
        name: name(purpose),
        reference: None,
    });
    requester
}

fn group_id(group: &str) -> PrincipalId {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(group.bytes()) {
        *to = from;
    }
    PrincipalId::from_bytes(bytes)
}

/// The attack fixture's table: its columns, and which of them are PHI.
const COLUMNS: [(&str, LogicalType, &str); 11] = [
    ("id", LogicalType::BigInt, ""),
    ("tenant", LogicalType::String, ""),
    ("mrn", LogicalType::String, "mrn"),
    ("ssn", LogicalType::String, "ssn"),
    ("name", LogicalType::String, "name"),
    ("dob", LogicalType::Date, "date"),
    ("zip", LogicalType::String, "zip"),
    ("dx", LogicalType::String, ""),
    ("charge", LogicalType::Decimal(10, 2), ""),
    ("consent", LogicalType::Boolean, ""),
    ("note", LogicalType::String, "text"),
];

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) schema: Schema,
    pub(crate) table: Table,
    pub(crate) functions: Vec<Function>,
    pub(crate) policies: Vec<Policy>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) groups: Vec<Name>,
    tags: Tags,
    next: u8,
}

impl World {
    /// `phi.patients`, its groups, and no policy or grant.
    pub(crate) fn new() -> Self {
        let schema = Schema {
            id: SchemaId::from_bytes(id(1)),
            name: name("phi"),
            comment: None,
            tags: Tags::new(),
            owner: PrincipalId::from_bytes(id(9)),
            created: Timestamp(0),
        };
        let columns = COLUMNS
            .iter()
            .enumerate()
            .map(|(i, (column, data_type, phi))| Column {
                id: ColumnId::from_bytes(id(u8::try_from(i).unwrap() + 1)),
                name: name(column),
                data_type: data_type.clone(),
                nullable: true,
                comment: None,
                tags: if phi.is_empty() {
                    Tags::new()
                } else {
                    Tags::from([("phi".into(), (*phi).into())])
                },
            })
            .collect();
        let table = Table {
            id: TableId::from_bytes(id(1)),
            schema: schema.id,
            name: TableName::from_parts(&["phi", "patients"]).unwrap(),
            columns,
            partitioned_by: Vec::new(),
            comment: None,
            tags: Tags::new(),
            inherited_tags: Tags::new(),
            properties: BTreeMap::new(),
            owner: PrincipalId::from_bytes(id(9)),
            created: Timestamp(0),
            keys: BTreeMap::new(),
            published: Published {
                version: 0,
                head: String::new(),
            },
            protected: false,
        };
        Self {
            schema,
            table,
            functions: Vec::new(),
            policies: Vec::new(),
            grants: Vec::new(),
            groups: [
                "data_scientists",
                "billing",
                "researchers",
                "nurses",
                "admin",
            ]
            .map(name)
            .to_vec(),
            tags: Tags::new(),
            next: 100,
        }
    }

    pub(crate) fn with(statements: &[&str]) -> Self {
        let mut world = Self::new();
        for sql in statements {
            world
                .run(sql)
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        world
    }

    pub(crate) fn column(&self, column: &str) -> &Column {
        self.table.column(&name(column)).unwrap()
    }

    fn next(&mut self) -> [u8; 16] {
        self.next += 1;
        id(self.next)
    }

    fn function_named(&self, function: &TableName) -> Result<&Function> {
        self.functions
            .iter()
            .find(|f| f.name == *function)
            .ok_or_else(|| Error::NotFound(format!("function {function}")))
    }

    /// Does what a statement says, as the engine would.
    pub(crate) fn run(&mut self, sql: &str) -> Result<()> {
        let owner = PrincipalId::from_bytes(id(9));
        match ddl::parse(sql)?.unwrap_or_else(|| panic!("not ours: {sql}")) {
            Statement::CreateFunction {
                name,
                parameters,
                returns,
                body,
                ..
            } => {
                let bound = bind::function(
                    bind::Draft {
                        name: &name,
                        parameters: &parameters,
                        returns: returns.as_ref(),
                        body: &body,
                    },
                    &|name| self.functions.iter().find(|f| f.name == *name),
                    &|group| self.groups.contains(group),
                )?;
                let function = Function {
                    id: FunctionId::from_bytes(self.next()),
                    name,
                    schema: self.schema.id,
                    parameters,
                    returns,
                    body: bound.body,
                    owner,
                    version: 1,
                    hash: bound.hash,
                    comment: None,
                    created: Timestamp(0),
                };
                self.functions.retain(|f| f.name != function.name);
                self.functions.push(function);
            }
            Statement::SetMask {
                column,
                function,
                first,
                using,
                ..
            } => {
                let function = self.function_named(&function)?.clone();
                let (column, arguments) =
                    bind::mask(&self.table, &column, &function, &first, &using)?;
                self.push_policy(PolicyKind::Mask { column }, function.id, arguments);
            }
            Statement::SetRowFilter { function, on, .. } => {
                let function = self.function_named(&function)?.clone();
                let arguments = bind::row_filter(&self.table, &function, &on)?;
                self.push_policy(PolicyKind::RowFilter, function.id, arguments);
            }
            Statement::DropMask { column, .. } => {
                let column = self.column(column.as_str()).id;
                self.policies
                    .retain(|p| p.kind != PolicyKind::Mask { column });
            }
            Statement::DropRowFilter { .. } => {
                self.policies.retain(|p| p.kind != PolicyKind::RowFilter);
            }
            Statement::Grant { privileges, on, to } => {
                let on = match on {
                    SecurableSpec::Catalog => Securable::Catalog,
                    SecurableSpec::Schema(_) => Securable::Schema(self.schema.id),
                    SecurableSpec::Table(_) => Securable::Table(self.table.id),
                    SecurableSpec::Column(_, column) => {
                        Securable::Column(self.table.id, self.column(column.as_str()).id)
                    }
                    SecurableSpec::Tag(key, value) => Securable::Tag(key, value),
                    SecurableSpec::Function(function) => {
                        Securable::Function(self.function_named(&function)?.id)
                    }
                };
                for grantee in to {
                    let grantee = match grantee {
                        GranteeSpec::AccountUsers => Grantee::AccountUsers,
                        GranteeSpec::Group(group) | GranteeSpec::Any(group) => {
                            Grantee::Principal(group_id(group.as_str()))
                        }
                        GranteeSpec::User(user) => panic!("no user {user} here"),
                    };
                    for privilege in &privileges {
                        self.grant(grantee, *privilege, on.clone());
                    }
                }
            }
            other => panic!("not needed here: {}", other.kind()),
        }
        Ok(())
    }

    pub(crate) fn grant(&mut self, grantee: Grantee, privilege: Privilege, on: Securable) {
        let id = GrantId::from_bytes(self.next());
        self.grants.push(Grant {
            id,
            grantee,
            privilege,
            on,
            grantor: PrincipalId::from_bytes([9; 16]),
            created: Timestamp(0),
        });
    }

    fn push_policy(
        &mut self,
        kind: PolicyKind,
        function: FunctionId,
        arguments: Vec<crate::Argument>,
    ) {
        let id = PolicyId::from_bytes(self.next());
        self.table.protected = true;
        self.policies.push(Policy {
            id,
            version: 1,
            table: self.table.id,
            kind,
            function,
            arguments,
            owner: PrincipalId::from_bytes([9; 16]),
            created: Timestamp(0),
        });
    }
}

impl Facts for World {
    fn table(&self, id: TableId) -> Option<&Table> {
        (self.table.id == id).then_some(&self.table)
    }

    fn policies_on(&self, id: TableId) -> Vec<&Policy> {
        self.policies.iter().filter(|p| p.table == id).collect()
    }

    fn function(&self, id: FunctionId) -> Option<&Function> {
        self.functions.iter().find(|f| f.id == id)
    }

    fn grants_to(&self, requester: &Requester) -> Vec<&Grant> {
        self.grants
            .iter()
            .filter(|grant| match grant.grantee {
                Grantee::AccountUsers => true,
                Grantee::Principal(id) => requester.is(id),
            })
            .collect()
    }

    fn group_exists(&self, name: &Name) -> bool {
        self.groups.contains(name)
    }

    fn catalog_tags(&self) -> &Tags {
        &self.tags
    }

    fn schema(&self, id: SchemaId) -> Option<&Schema> {
        (self.schema.id == id).then_some(&self.schema)
    }
}
