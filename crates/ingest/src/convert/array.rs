//! The values of one place as an Arrow array.

use std::{borrow::Cow, sync::Arc};

use arrow::{
    array::{
        ArrayRef, ArrowPrimitiveType, BinaryBuilder, BinaryViewBuilder, BooleanBuilder, ListArray,
        PrimitiveBuilder, StringBuilder, StringViewBuilder, StructArray, new_null_array,
    },
    buffer::{NullBuffer, OffsetBuffer},
    datatypes::{
        DataType, Date32Type, Decimal128Type, Field as ArrowField, Fields, Float32Type,
        Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    },
};
use lakeward_domain::LogicalType;
use lakeward_phi::scrub::Transform;

use super::Work;
use crate::{
    error::{Error, Result},
    json::{self, Json},
    layout::{Leaf, Member, Node},
    scrub::{self, Scrubbed, disposition},
    source::Reason,
    value,
};

/// The Arrow type of a column; views of text at the top, as the lake keeps it.
pub(crate) fn arrow_type(data_type: &LogicalType) -> DataType {
    match data_type {
        LogicalType::String => DataType::Utf8View,
        LogicalType::Binary => DataType::BinaryView,
        other => nested_type(other),
    }
}

fn nested_type(data_type: &LogicalType) -> DataType {
    match data_type {
        LogicalType::Boolean => DataType::Boolean,
        LogicalType::TinyInt => DataType::Int8,
        LogicalType::SmallInt => DataType::Int16,
        LogicalType::Int => DataType::Int32,
        LogicalType::BigInt => DataType::Int64,
        LogicalType::Float => DataType::Float32,
        LogicalType::Double => DataType::Float64,
        LogicalType::Decimal(precision, scale) => DataType::Decimal128(*precision, *scale),
        LogicalType::String => DataType::Utf8,
        LogicalType::Binary => DataType::Binary,
        LogicalType::Date => DataType::Date32,
        LogicalType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        LogicalType::TimestampNtz => DataType::Timestamp(TimeUnit::Microsecond, None),
        LogicalType::Struct(fields) => DataType::Struct(
            fields
                .iter()
                .map(|field| struct_field(field.name.as_str(), &field.data_type))
                .collect(),
        ),
        LogicalType::Array(element, _) => DataType::List(Arc::new(ArrowField::new(
            "element",
            nested_type(element),
            true,
        ))),
        LogicalType::Map(key, value, nullable) => {
            let entries = vec![
                ArrowField::new("key", nested_type(key), false),
                ArrowField::new("value", nested_type(value), *nullable),
            ];
            let entries = DataType::Struct(Fields::from(entries));
            DataType::Map(
                Arc::new(ArrowField::new("key_value", entries, false)),
                false,
            )
        }
    }
}

fn struct_field(name: &str, data_type: &LogicalType) -> ArrowField {
    ArrowField::new(name, nested_type(data_type), true)
}

/// The member of this key; objects of a source mostly have their keys in the same order.
pub(super) fn member<'r, 'v>(
    members: &'r [(Cow<'v, str>, Json<'v>)],
    key: &str,
    hint: usize,
) -> Option<&'r Json<'v>> {
    if let Some((name, value)) = members.get(hint)
        && name == key
    {
        return Some(value);
    }
    members
        .iter()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value)
}

/// A column of CSV. `None` if nothing of it arrives.
pub(super) fn of_fields<'a>(
    node: &Node,
    values: impl Iterator<Item = (usize, Option<&'a str>)>,
    rows: usize,
    work: &mut Work<'_>,
) -> Result<Option<ArrayRef>> {
    match node {
        Node::Leaf(plan) => {
            let values = values.map(|(row, field)| (row, field.map(Cow::Borrowed)));
            leaf(plan, values, rows, true, work).map(Some)
        }
        Node::Drop(counted) => {
            let count = values.filter(|(_, field)| field.is_some()).count() as u64;
            work.counts
                .add(counted.category, &counted.path.label, "dropped", count);
            Ok(None)
        }
        Node::Hold(counted) => {
            let mut count = 0;
            for (row, field) in values {
                if let Some(field) = field {
                    let text = Json::Text(Cow::Borrowed(field));
                    count += u64::from(work.hold(row, &counted.path.label, &text));
                }
            }
            work.counts
                .add(counted.category, &counted.path.label, "quarantined", count);
            Ok(None)
        }
        // CSV has no nested values.
        Node::Struct(_) | Node::List(_) => Err(Error::BrokeOff),
    }
}

/// A place in JSON. `None` if nothing of it arrives.
pub(super) fn of_values(
    node: &Node,
    values: &[(usize, Option<&Json<'_>>)],
    work: &mut Work<'_>,
) -> Result<Option<ArrayRef>> {
    of_values_at(node, values, true, work)
}

fn of_values_at(
    node: &Node,
    values: &[(usize, Option<&Json<'_>>)],
    top: bool,
    work: &mut Work<'_>,
) -> Result<Option<ArrayRef>> {
    match node {
        Node::Leaf(plan) => {
            let texts = values
                .iter()
                .map(|(row, value)| (*row, value.and_then(|value| text_of(plan, value))));
            leaf(plan, texts, values.len(), top, work).map(Some)
        }
        Node::Drop(counted) => {
            let some = values
                .iter()
                .filter(|(_, value)| value.is_some_and(|value| *value != Json::Null));
            work.counts.add(
                counted.category,
                &counted.path.label,
                "dropped",
                some.count() as u64,
            );
            Ok(None)
        }
        Node::Hold(counted) => {
            let mut count = 0;
            for (row, value) in values {
                if let Some(value) = value {
                    count += u64::from(work.hold(*row, &counted.path.label, value));
                }
            }
            work.counts
                .add(counted.category, &counted.path.label, "quarantined", count);
            Ok(None)
        }
        Node::Struct(members) => of_objects(members, values, work),
        Node::List(element) => of_lists(element, values, work),
    }
}

fn of_objects(
    members: &[Member],
    values: &[(usize, Option<&Json<'_>>)],
    work: &mut Work<'_>,
) -> Result<Option<ArrayRef>> {
    let mut nulls = Vec::with_capacity(values.len());
    let mut objects = Vec::with_capacity(values.len());
    for (row, value) in values {
        let found = match value {
            Some(Json::Object(found)) => Some(found.as_slice()),
            None | Some(Json::Null) => None,
            Some(_) => {
                work.spoil(*row, "", Reason::DoesNotFit);
                None
            }
        };
        nulls.push(found.is_some());
        objects.push((*row, found.unwrap_or_default()));
    }
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    let mut met = vec![0_usize; objects.len()];
    for (hint, plan) in members.iter().enumerate() {
        let array = match &plan.node {
            None => Some(new_null_array(&nested_type(&plan.data_type), objects.len())),
            Some(node) => {
                let values: Vec<_> = objects
                    .iter()
                    .enumerate()
                    .map(|(index, (row, found))| {
                        let value = member(found, &plan.key, hint);
                        met[index] += usize::from(value.is_some());
                        (*row, value)
                    })
                    .collect();
                of_values_at(node, &values, false, work)?
            }
        };
        if let Some(array) = array {
            fields.push(struct_field(plan.name.as_str(), &plan.data_type));
            arrays.push(array);
        }
    }
    for (index, (row, found)) in objects.iter().enumerate() {
        if met[index] == found.len() {
            continue;
        }
        for (key, value) in *found {
            if !members
                .iter()
                .any(|member| member.node.is_some() && member.key == *key)
            {
                work.hold_unknown(*row, key, value);
            }
        }
    }
    if fields.is_empty() {
        return Ok(None);
    }
    let nulls = NullBuffer::from(nulls);
    let array = StructArray::try_new(Fields::from(fields), arrays, Some(nulls));
    Ok(Some(Arc::new(array.map_err(|_| Error::BrokeOff)?)))
}

fn of_lists(
    element: &Node,
    values: &[(usize, Option<&Json<'_>>)],
    work: &mut Work<'_>,
) -> Result<Option<ArrayRef>> {
    let mut nulls = Vec::with_capacity(values.len());
    let mut lengths = Vec::with_capacity(values.len());
    let mut elements: Vec<(usize, Option<&Json<'_>>)> = Vec::new();
    for (row, value) in values {
        let found = match value {
            Some(Json::Array(found)) => Some(found),
            None | Some(Json::Null) => None,
            Some(_) => {
                work.spoil(*row, "", Reason::DoesNotFit);
                None
            }
        };
        nulls.push(found.is_some());
        lengths.push(found.map_or(0, Vec::len));
        elements.extend(found.into_iter().flatten().map(|value| (*row, Some(value))));
    }
    let Some(array) = of_values_at(element, &elements, false, work)? else {
        return Ok(None);
    };
    let field = Arc::new(ArrowField::new("element", array.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(lengths);
    let list = ListArray::try_new(field, offsets, array, Some(NullBuffer::from(nulls)));
    Ok(Some(Arc::new(list.map_err(|_| Error::BrokeOff)?)))
}

/// A value as the text that its plan takes.
fn text_of<'v>(plan: &Leaf, value: &'v Json<'_>) -> Option<Cow<'v, str>> {
    match value {
        Json::Null => None,
        value if plan.as_json => {
            let mut text = String::new();
            json::write(value, &mut text);
            Some(Cow::Owned(text))
        }
        Json::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        Json::Number(text) => Some(Cow::Borrowed(text)),
        Json::Text(text) if text.is_empty() && plan.data_type != LogicalType::String => None,
        Json::Text(text) => Some(Cow::Borrowed(text)),
        // A scalar so far, and nested in a later record of a stream.
        nested => {
            let mut text = String::new();
            json::write(nested, &mut text);
            Some(Cow::Owned(text))
        }
    }
}

/// Values by themselves.
fn leaf<'a>(
    plan: &Leaf,
    values: impl Iterator<Item = (usize, Option<Cow<'a, str>>)>,
    rows: usize,
    top: bool,
    work: &mut Work<'_>,
) -> Result<ArrayRef> {
    let mut scrubber = LeafScrubber {
        plan,
        found: Vec::new(),
        treated: 0,
    };
    let sink = &mut scrubber;
    macro_rules! numbers {
        ($type:ty, $parse:expr) => {
            primitive::<$type>(sink, values, rows, work, $parse)
        };
    }
    let array: ArrayRef = match &plan.data_type {
        LogicalType::Boolean => {
            let mut builder = BooleanBuilder::with_capacity(rows);
            for (row, value) in values {
                builder.append_option(sink.parsed(row, value, work, value::boolean));
            }
            Arc::new(builder.finish())
        }
        LogicalType::TinyInt => numbers!(Int8Type, |text| value::integer(text)?.try_into().ok()),
        LogicalType::SmallInt => numbers!(Int16Type, |text| value::integer(text)?.try_into().ok()),
        LogicalType::Int => numbers!(Int32Type, |text| value::integer(text)?.try_into().ok()),
        LogicalType::BigInt => numbers!(Int64Type, value::integer),
        LogicalType::Float => numbers!(Float32Type, |text| value::double(text).map(|v| v as f32)),
        LogicalType::Double => numbers!(Float64Type, value::double),
        LogicalType::Decimal(precision, scale) => {
            numbers!(Decimal128Type, |text| value::decimal(
                text, *precision, *scale
            ))
        }
        LogicalType::Date => numbers!(Date32Type, |text| value::date(text, plan.dates)),
        LogicalType::Timestamp => numbers!(TimestampMicrosecondType, value::instant),
        LogicalType::TimestampNtz => numbers!(TimestampMicrosecondType, value::wall_clock),
        LogicalType::String if top => {
            let mut builder = StringViewBuilder::with_capacity(rows);
            for (row, value) in values {
                builder.append_option(sink.text(row, value, work));
            }
            Arc::new(builder.finish())
        }
        LogicalType::String => {
            let mut builder = StringBuilder::with_capacity(rows, rows * 8);
            for (row, value) in values {
                builder.append_option(sink.text(row, value, work));
            }
            Arc::new(builder.finish())
        }
        LogicalType::Binary if top => {
            let mut builder = BinaryViewBuilder::with_capacity(rows);
            for (row, value) in values {
                builder.append_option(sink.text(row, value, work).as_deref().map(str::as_bytes));
            }
            Arc::new(builder.finish())
        }
        LogicalType::Binary => {
            let mut builder = BinaryBuilder::with_capacity(rows, rows * 8);
            for (row, value) in values {
                builder.append_option(sink.text(row, value, work).as_deref().map(str::as_bytes));
            }
            Arc::new(builder.finish())
        }
        LogicalType::Struct(_) | LogicalType::Array(..) | LogicalType::Map(..) => {
            return Err(Error::BrokeOff);
        }
    };
    let LeafScrubber { found, treated, .. } = scrubber;
    let path = &plan.counted.path.label;
    for (kind, count) in found {
        work.counts
            .add(kind.as_str(), path, "redacted", count as u64);
    }
    let kept_unknown = plan.action == Transform::Keep && !plan.recognised;
    if !kept_unknown && !matches!(plan.action, Transform::ScrubText(_)) {
        work.counts.add(
            plan.counted.category,
            path,
            disposition(&plan.action),
            treated,
        );
    }
    // Decimals and instants get their precision and zone here.
    let wanted = if top {
        arrow_type(&plan.data_type)
    } else {
        nested_type(&plan.data_type)
    };
    if *array.data_type() == wanted {
        return Ok(array);
    }
    let data = array
        .to_data()
        .into_builder()
        .data_type(wanted)
        .build()
        .map_err(|_| Error::BrokeOff)?;
    Ok(arrow::array::make_array(data))
}

fn primitive<'a, T: ArrowPrimitiveType>(
    sink: &mut LeafScrubber<'_>,
    values: impl Iterator<Item = (usize, Option<Cow<'a, str>>)>,
    rows: usize,
    work: &mut Work<'_>,
    parse: impl Fn(&str) -> Option<T::Native>,
) -> ArrayRef {
    let mut builder = PrimitiveBuilder::<T>::with_capacity(rows);
    for (row, value) in values {
        builder.append_option(sink.parsed(row, value, work, &parse));
    }
    Arc::new(builder.finish())
}

/// Takes values through a leaf's plan.
struct LeafScrubber<'p> {
    plan: &'p Leaf,
    found: scrub::Found,
    treated: u64,
}

impl LeafScrubber<'_> {
    fn text<'a>(
        &mut self,
        row: usize,
        value: Option<Cow<'a, str>>,
        work: &mut Work<'_>,
    ) -> Option<Cow<'a, str>> {
        let value = match (value, &self.plan.action) {
            (Some(value), _) => value,
            (None, Transform::Constant(text)) => return Some(Cow::Owned(text.clone())),
            (None, _) => return None,
        };
        self.treated += 1;
        match scrub::value(self.plan, work.detector, value, &mut self.found) {
            Scrubbed::Text(text) => Some(text),
            Scrubbed::Null => None,
            Scrubbed::Bad => {
                work.spoil(row, &self.plan.counted.path.label, Reason::NotTransformed);
                None
            }
        }
    }

    fn parsed<'a, V>(
        &mut self,
        row: usize,
        value: Option<Cow<'a, str>>,
        work: &mut Work<'_>,
        parse: impl Fn(&str) -> Option<V>,
    ) -> Option<V> {
        let text = self.text(row, value, work)?;
        if text.bytes().all(|b| b == b' ') {
            return None;
        }
        let parsed = parse(&text);
        if parsed.is_none() {
            work.spoil(row, &self.plan.counted.path.label, Reason::DoesNotFit);
        }
        parsed
    }
}
