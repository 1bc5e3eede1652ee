//! What the values of a column look like, nested ones included.

use std::collections::HashMap;

use lakeward_domain::LogicalType;

use super::{Observed, is_no_name};
use crate::json::Json;

/// Values kept of each place, to look for identifiers in.
const SAMPLES: usize = 500;
/// Bytes kept of one value.
const SAMPLE_BYTES: usize = 4096;
/// Keys that an object may have before it is taken for a map.
const KEYS: usize = 200;
/// How deep structs go; what is deeper is JSON text.
const DEPTH: usize = 8;

/// What the values of a place were so far.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    /// Texts: CSV fields, JSON strings.
    pub(crate) text: Observed,
    /// JSON numbers.
    pub(crate) number: Observed,
    bools: bool,
    pub(crate) object: Option<Object>,
    pub(crate) element: Option<Box<Shape>>,
    /// An object that is a map, or is nested too deeply.
    opaque: bool,
    pub(crate) samples: Vec<String>,
}

/// The members of objects, in the order of their first appearance.
#[derive(Debug, Default)]
pub(crate) struct Object {
    pub(crate) members: Vec<(String, Shape)>,
    index: HashMap<String, usize>,
}

impl Object {
    /// The member of this key; `None` if there are too many.
    pub(crate) fn member(&mut self, key: &str, hint: usize, most: usize) -> Option<&mut Shape> {
        let known = self.members.get(hint).is_some_and(|(name, _)| name == key);
        let index = if known {
            hint
        } else if let Some(index) = self.index.get(key) {
            *index
        } else {
            if self.members.len() >= most {
                return None;
            }
            self.index.insert(key.to_owned(), self.members.len());
            self.members.push((key.to_owned(), Shape::default()));
            self.members.len() - 1
        };
        self.members.get_mut(index).map(|(_, shape)| shape)
    }
}

/// What a place becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One value.
    Scalar,
    /// A struct.
    Struct,
    /// A list.
    List,
    /// Several of these: text of JSON.
    Json,
}

impl Shape {
    /// Looks at a CSV field.
    pub(crate) fn add_field(&mut self, field: &str, sample: bool) {
        if field.is_empty() {
            return;
        }
        self.text.add(field);
        if sample {
            self.sample(field);
        }
    }

    /// Looks at a JSON value.
    pub(crate) fn add(&mut self, value: &Json<'_>, sample: bool, depth: usize) {
        match value {
            Json::Null => {}
            Json::Bool(_) => self.bools = true,
            Json::Number(text) => {
                self.number.add(text);
                if sample {
                    self.sample(text);
                }
            }
            Json::Text(text) => {
                if !text.is_empty() {
                    self.text.add(text);
                }
                if sample {
                    self.sample(text);
                }
            }
            Json::Array(elements) => {
                let element = self.element.get_or_insert_default();
                for value in elements {
                    element.add(value, sample, depth + 1);
                }
            }
            Json::Object(members) => {
                self.object.get_or_insert_default();
                if depth >= DEPTH {
                    self.opaque = true;
                }
                for (hint, (key, value)) in members.iter().enumerate() {
                    if self.opaque || is_no_name(key) {
                        self.opaque = true;
                        break;
                    }
                    let object = self.object.get_or_insert_default();
                    match object.member(key, hint, KEYS) {
                        Some(shape) => shape.add(value, sample, depth + 1),
                        None => self.opaque = true,
                    }
                }
                if self.opaque && sample {
                    let mut text = String::new();
                    crate::json::write(value, &mut text);
                    self.sample(&text);
                }
            }
        }
    }

    fn sample(&mut self, value: &str) {
        if self.samples.len() < SAMPLES && !value.is_empty() {
            let end = (0..=SAMPLE_BYTES.min(value.len()))
                .rev()
                .find(|end| value.is_char_boundary(*end))
                .unwrap_or(0);
            self.samples
                .push(value.get(..end).unwrap_or_default().to_owned());
        }
    }

    /// What the place becomes.
    pub(crate) fn form(&self) -> Form {
        let scalar = self.bools || !self.number.is_empty() || !self.text.is_empty();
        match (&self.object, &self.element, scalar) {
            (None, None, _) => Form::Scalar,
            (Some(object), None, false) if !self.opaque && !object.members.is_empty() => {
                Form::Struct
            }
            (None, Some(_), false) => Form::List,
            _ => Form::Json,
        }
    }

    /// The type of a scalar.
    pub(crate) fn scalar_type(&self, of_json: bool) -> LogicalType {
        if !of_json {
            return self.text.data_type();
        }
        match (self.bools, self.number.is_empty(), self.text.is_empty()) {
            (true, true, true) => LogicalType::Boolean,
            (false, false, true) => self.number.data_type(),
            (false, true, false) => match self.text.data_type() {
                // A number that is written as a string is a code.
                time @ (LogicalType::Date | LogicalType::Timestamp | LogicalType::TimestampNtz) => {
                    time
                }
                _ => LogicalType::String,
            },
            _ => LogicalType::String,
        }
    }
}
