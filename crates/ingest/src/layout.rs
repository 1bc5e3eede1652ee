//! The plan of a whole source: what happens at each of its places, and where the result goes.
//!
//! Nested values are planned place by place: `contact.phones[].number` has a plan of its own, so an
//! identifier is found however deep it stands. What an existing table or the policy does not know is
//! held for quarantine and never passed.

use std::sync::Arc;

use lakeward_domain::{Class, Field, LogicalType, Name, Table, Tags, TokenKey};
use lakeward_phi::scrub::{ColumnHint, ColumnPlan, ScrubPolicy, Transform};

use crate::{
    detect,
    error::{Error, Result},
    infer::{Shape, Studied, shape::Form},
    names,
    report::ColumnReport,
    value::DateOrder,
};

/// Gives the key of a token domain.
pub(crate) type TokenKeys<'a> = dyn Fn(&str) -> Arc<dyn TokenKey> + 'a;

/// A source's plan.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Columns of the source, in its order.
    pub(crate) columns: Vec<SourceColumn>,
    /// Columns of the table, in its order: which of the source's fills each.
    pub(crate) table: Vec<TableColumn>,
    pub(crate) reports: Vec<ColumnReport>,
}

/// A column of the source.
#[derive(Debug)]
pub(crate) struct SourceColumn {
    /// What the source calls it: the key of JSON members.
    pub(crate) key: String,
    pub(crate) node: Node,
}

/// A column of the table.
#[derive(Debug)]
pub(crate) struct TableColumn {
    pub(crate) name: Name,
    pub(crate) data_type: LogicalType,
    pub(crate) tags: Tags,
    /// Index into the source's columns; NULL if none.
    pub(crate) from: Option<usize>,
}

/// What happens at a place.
#[derive(Debug)]
pub(crate) enum Node {
    Leaf(Leaf),
    Struct(Vec<Member>),
    List(Box<Node>),
    /// Counted and gone.
    Drop(Counted),
    /// Held for quarantine.
    Hold(Counted),
}

/// A member of a struct.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) key: String,
    pub(crate) name: Name,
    /// NULL if the source has no such member.
    pub(crate) node: Option<Node>,
    pub(crate) data_type: LogicalType,
}

/// What a place is called.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    /// By the source: rules and detectors look at this, camel case and all.
    pub(crate) raw: String,
    /// By the lake: reports, counts and quarantine say this.
    pub(crate) label: String,
}

impl Path {
    fn member(&self, key: &str, name: &Name) -> Self {
        Self {
            raw: format!("{}.{key}", self.raw),
            label: format!("{}.{name}", self.label),
        }
    }

    fn element(&self) -> Self {
        Self {
            raw: format!("{}[]", self.raw),
            label: format!("{}[]", self.label),
        }
    }
}

/// What a place is called in counts.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    pub(crate) path: Path,
    pub(crate) category: &'static str,
}

/// A value by itself.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) counted: Counted,
    /// Whether a kind of identifier was recognised.
    pub(crate) recognised: bool,
    pub(crate) action: Transform,
    pub(crate) key: Option<Arc<dyn TokenKey>>,
    pub(crate) data_type: LogicalType,
    pub(crate) dates: DateOrder,
    /// Texts are JSON, quotes included.
    pub(crate) as_json: bool,
}

/// Plans a source for a table, or for a table to be made.
pub(crate) fn lay_out(
    studied: &Studied,
    policy: &ScrubPolicy,
    existing: Option<&Table>,
    keys: &TokenKeys<'_>,
) -> Result<Layout> {
    let planner = Planner {
        policy,
        keys,
        of_json: studied.of_json,
    };
    let names = names::of_columns(studied.columns.iter().map(|(key, _)| key.as_str()));
    let mut reports = Vec::new();
    let mut columns = Vec::new();
    let mut made = Vec::new();
    for ((key, shape), name) in studied.columns.iter().zip(names) {
        let target = match existing {
            None => Target::Free,
            Some(table) => table
                .column(&name)
                .map_or(Target::Unknown, |column| Target::Typed(&column.data_type)),
        };
        let path = Path {
            raw: key.trim().to_owned(),
            label: name.to_string(),
        };
        let planned = planner.place(&path, shape, target)?;
        if let (Some(table), Some(column)) =
            (existing, existing.and_then(|table| table.column(&name)))
            && let Some(kind) = planned.tags.get("phi")
            && planned.data_type.is_some()
            && table.class(column) != Class::Phi
        {
            return Err(Error::Untagged {
                column: name.to_string(),
                kind: kind.clone(),
            });
        }
        reports.extend(planned.reports);
        if let Some(data_type) = planned.data_type {
            made.push(TableColumn {
                name,
                data_type,
                tags: planned.tags,
                from: Some(columns.len()),
            });
        }
        columns.push(SourceColumn {
            key: key.clone(),
            node: planned.node,
        });
    }
    let table = match existing {
        None => made,
        Some(table) => table
            .columns
            .iter()
            .map(|column| TableColumn {
                name: column.name.clone(),
                data_type: column.data_type.clone(),
                tags: column.tags.clone(),
                from: made
                    .iter()
                    .find(|made| made.name == column.name)
                    .and_then(|made| made.from),
            })
            .collect(),
    };
    if table.iter().all(|column| column.from.is_none()) {
        return Err(Error::NoColumn);
    }
    Ok(Layout {
        columns,
        table,
        reports,
    })
}

/// What the table says about a place.
#[derive(Clone, Copy)]
enum Target<'a> {
    /// The table is yet to be made.
    Free,
    /// The table has no such column.
    Unknown,
    Typed(&'a LogicalType),
}

struct Planned {
    node: Node,
    /// None if nothing of it arrives.
    data_type: Option<LogicalType>,
    tags: Tags,
    reports: Vec<ColumnReport>,
}

struct Planner<'a> {
    policy: &'a ScrubPolicy,
    keys: &'a TokenKeys<'a>,
    of_json: bool,
}

impl Planner<'_> {
    fn place(&self, path: &Path, shape: &Shape, target: Target<'_>) -> Result<Planned> {
        let form = match (shape.form(), target) {
            (form @ (Form::Struct | Form::List), Target::Free | Target::Unknown) => form,
            (Form::Struct, Target::Typed(LogicalType::Struct(_))) => Form::Struct,
            (Form::List, Target::Typed(LogicalType::Array(..))) => Form::List,
            (Form::Struct | Form::List | Form::Json, _) => Form::Json,
            (Form::Scalar, _) => Form::Scalar,
        };
        if matches!(form, Form::Struct | Form::List) {
            let whole = self.plan_whole(path)?;
            if !self.goes_into(&whole) {
                return self.leaf(path, shape, Form::Json, target);
            }
        }
        match form {
            Form::Struct => self.members(path, shape, target),
            Form::List => self.elements(path, shape, target),
            Form::Scalar | Form::Json => self.leaf(path, shape, form, target),
        }
    }

    /// What the policy says of a nested place as a whole.
    fn plan_whole(&self, path: &Path) -> Result<ColumnPlan> {
        let hint = ColumnHint {
            name: path.raw.clone(),
            ..ColumnHint::default()
        };
        first(self.policy.plan(&[hint])?)
    }

    /// Whether places within a nested one are planned by themselves. Not where the whole is to go: a
    /// dropped address is dropped with all its parts.
    fn goes_into(&self, whole: &ColumnPlan) -> bool {
        match &whole.action {
            Transform::Keep | Transform::ScrubText(_) => true,
            Transform::Quarantine => whole.kind.is_none(),
            _ => false,
        }
    }

    fn members(&self, path: &Path, shape: &Shape, target: Target<'_>) -> Result<Planned> {
        let empty = Vec::new();
        let found = shape
            .object
            .as_ref()
            .map_or(&empty, |object| &object.members);
        let names = names::of_columns(found.iter().map(|(key, _)| key.as_str()));
        let mut members = Vec::new();
        let mut tags = Vec::new();
        let mut reports = Vec::new();
        for ((key, shape), name) in found.iter().zip(names) {
            let inner = match target {
                Target::Free => Target::Free,
                Target::Typed(LogicalType::Struct(fields)) => fields
                    .iter()
                    .find(|field| field.name == name)
                    .map_or(Target::Unknown, |field| Target::Typed(&field.data_type)),
                _ => Target::Unknown,
            };
            let planned = self.place(&path.member(key, &name), shape, inner)?;
            reports.extend(planned.reports);
            tags.push(planned.tags);
            members.push((key.clone(), name, planned.node, planned.data_type));
        }
        let known: Vec<(Name, LogicalType)> = match target {
            Target::Typed(LogicalType::Struct(fields)) => fields
                .iter()
                .map(|field| (field.name.clone(), field.data_type.clone()))
                .collect(),
            _ => members
                .iter()
                .filter_map(|(_, name, _, data_type)| Some((name.clone(), data_type.clone()?)))
                .collect(),
        };
        let mut nodes: Vec<Member> = known
            .iter()
            .map(|(name, data_type)| {
                let at = members
                    .iter()
                    .position(|(_, found, _, typed)| found == name && typed.is_some());
                let (key, node) = at.map_or((String::new(), None), |at| {
                    let (key, _, node, _) = members.swap_remove(at);
                    (key, Some(node))
                });
                Member {
                    key,
                    name: name.clone(),
                    node,
                    data_type: data_type.clone(),
                }
            })
            .collect();
        let arrives = nodes.iter().any(|member| member.node.is_some());
        // What does not arrive is still met: it is counted or held.
        nodes.extend(members.into_iter().map(|(key, name, node, _)| Member {
            key,
            name,
            node: Some(node),
            data_type: LogicalType::String,
        }));
        let data_type = arrives.then(|| {
            let field = |(name, data_type)| Field {
                name,
                data_type,
                nullable: true,
            };
            LogicalType::Struct(known.into_iter().map(field).collect())
        });
        Ok(Planned {
            node: Node::Struct(nodes),
            data_type,
            tags: merged(tags),
            reports,
        })
    }

    fn elements(&self, path: &Path, shape: &Shape, target: Target<'_>) -> Result<Planned> {
        let inner = match target {
            Target::Typed(LogicalType::Array(element, _)) => Target::Typed(element),
            Target::Typed(_) | Target::Unknown => Target::Unknown,
            Target::Free => Target::Free,
        };
        let none = Shape::default();
        let element = shape.element.as_deref().unwrap_or(&none);
        let planned = self.place(&path.element(), element, inner)?;
        let data_type = planned
            .data_type
            .map(|element| LogicalType::Array(Box::new(element), true));
        Ok(Planned {
            node: Node::List(Box::new(planned.node)),
            data_type,
            ..planned
        })
    }

    fn leaf(&self, path: &Path, shape: &Shape, form: Form, target: Target<'_>) -> Result<Planned> {
        let as_json = form == Form::Json;
        let inferred = if as_json {
            LogicalType::String
        } else {
            shape.scalar_type(self.of_json)
        };
        let mut place = detect::place(self.policy.detector(), &path.raw, shape, inferred);
        // Text of JSON may hold anything.
        place.hint.free_text |= as_json;
        let ColumnPlan {
            kind, action, tags, ..
        } = first(self.policy.plan(std::slice::from_ref(&place.hint))?)?;
        let category = kind.map_or(if as_json { "nested" } else { "unknown" }, |kind| {
            kind.as_str()
        });
        let counted = Counted {
            path: path.clone(),
            category,
        };
        let output = action.output_type(&place.data_type);
        let report = |action: &str, data_type: &LogicalType, tags: &Tags| {
            vec![ColumnReport {
                name: path.label.clone(),
                data_type: data_type.clone(),
                action: action.to_owned(),
                tags: tags.clone(),
            }]
        };
        match (&action, target) {
            (Transform::Drop, _) => {
                let reports = report("drop", &output, &Tags::new());
                return Ok(Planned {
                    node: Node::Drop(counted),
                    data_type: None,
                    tags: Tags::new(),
                    reports,
                });
            }
            (Transform::Quarantine, _) | (_, Target::Unknown) => {
                let reports = report("quarantine", &output, &Tags::new());
                return Ok(Planned {
                    node: Node::Hold(counted),
                    data_type: None,
                    tags: Tags::new(),
                    reports,
                });
            }
            _ => {}
        }
        let data_type = match target {
            Target::Typed(data_type) => data_type.clone(),
            _ => output,
        };
        if matches!(
            data_type,
            LogicalType::Struct(_) | LogicalType::Array(..) | LogicalType::Map(..)
        ) {
            return Err(Error::Type {
                column: path.label.clone(),
                data_type,
            });
        }
        let key = match &action {
            Transform::Token { domain, .. } => Some((self.keys)(domain)),
            _ => None,
        };
        let reports = report(action.as_str(), &data_type, &tags);
        let leaf = Leaf {
            counted,
            recognised: kind.is_some(),
            action,
            key,
            data_type: data_type.clone(),
            dates: shape.text.date_order(),
            as_json,
        };
        Ok(Planned {
            node: Node::Leaf(leaf),
            data_type: Some(data_type),
            tags,
            reports,
        })
    }
}

fn first(plans: Vec<ColumnPlan>) -> Result<ColumnPlan> {
    plans.into_iter().next().ok_or(Error::BrokeOff)
}

/// The tags of a nested column: those of its places, where two differ `mixed`.
fn merged(all: Vec<Tags>) -> Tags {
    let mut merged = Tags::new();
    for (key, value) in all.into_iter().flatten() {
        merged
            .entry(key)
            .and_modify(|known: &mut String| {
                if *known != value {
                    "mixed".clone_into(known);
                }
            })
            .or_insert(value);
    }
    merged
}
