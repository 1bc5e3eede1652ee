//! What a decision may look at.

use lakeward_domain::{FunctionId, Name, Requester, Schema, SchemaId, Table, TableId, Tags};

use crate::{Function, Grant, Policy};

/// The catalog at one epoch, as policies see it. Implemented by the catalog's state.
pub trait Facts {
    /// A table.
    fn table(&self, id: TableId) -> Option<&Table>;
    /// The policies that stand on a table.
    fn policies_on(&self, id: TableId) -> Vec<&Policy>;
    /// A function.
    fn function(&self, id: FunctionId) -> Option<&Function>;
    /// The grants that reach a requester: their own, their groups', everybody's.
    fn grants_to(&self, requester: &Requester) -> Vec<&Grant>;
    /// Whether a group of this name exists.
    fn group_exists(&self, name: &Name) -> bool;
    /// Tags of the catalog itself.
    fn catalog_tags(&self) -> &Tags;
    /// A schema.
    fn schema(&self, id: SchemaId) -> Option<&Schema>;
}
