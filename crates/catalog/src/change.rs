//! What a commit can change.

use lakeward_domain::{
    FunctionId, GrantId, PolicyId, Principal, PrincipalId, Published, Schema, SchemaId, Table,
    TableId, Tags,
};
use lakeward_keys::KekRecord;
use lakeward_policy::{Function, Grant, Policy};

use crate::{ObjectId, row::Record};

/// One change. The changes of a commit apply in order and become visible together.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Makes or replaces a schema. Its name and tags reach its tables by themselves.
    PutSchema(Schema),
    /// Drops an empty schema.
    DropSchema(SchemaId),
    /// Makes or replaces a table. Schema name and inherited tags are filled in; `protected` never
    /// goes back to false, and `published` never goes back to an older version.
    PutTable(Table),
    /// Drops a table with its policies and the grants on it. Its keys stay.
    DropTable(TableId),
    /// Makes a version of a table the one that readers see.
    Publish {
        /// The table.
        table: TableId,
        /// The version that must be published now. `None`: any; publishing a version that is older
        /// than the published one then changes nothing, as the newer one contains it.
        expected: Option<u64>,
        /// The new version.
        published: Published,
    },
    /// Makes or replaces a function.
    PutFunction(Function),
    /// Drops a function that no policy uses.
    DropFunction(FunctionId),
    /// Binds or replaces a policy, and marks its table as protected.
    PutPolicy(Policy),
    /// Drops a policy. Its table stays protected.
    DropPolicy(PolicyId),
    /// Makes or replaces a user, service or group.
    PutPrincipal(Principal),
    /// Drops a principal with its memberships and the grants to it.
    DropPrincipal(PrincipalId),
    /// Grants. A grant of the same right to the same grantee stays the one it is.
    PutGrant(Grant),
    /// Takes a grant back.
    DropGrant(GrantId),
    /// Makes or replaces one version of a key record.
    PutKek(KekRecord),
    /// Replaces the catalog's own tags, which every table inherits.
    SetCatalogTags(Tags),
}

impl Change {
    /// The object that it changes.
    #[must_use]
    pub fn object(&self) -> ObjectId {
        match self {
            Self::PutSchema(schema) => ObjectId::Schema(schema.id),
            Self::DropSchema(id) => ObjectId::Schema(*id),
            Self::PutTable(table) => ObjectId::Table(table.id),
            Self::DropTable(id) | Self::Publish { table: id, .. } => ObjectId::Table(*id),
            Self::PutFunction(function) => ObjectId::Function(function.id),
            Self::DropFunction(id) => ObjectId::Function(*id),
            Self::PutPolicy(policy) => ObjectId::Policy(policy.id),
            Self::DropPolicy(id) => ObjectId::Policy(*id),
            Self::PutPrincipal(principal) => ObjectId::Principal(principal.id()),
            Self::DropPrincipal(id) => ObjectId::Principal(*id),
            Self::PutGrant(grant) => ObjectId::Grant(grant.id),
            Self::DropGrant(id) => ObjectId::Grant(*id),
            Self::PutKek(kek) => ObjectId::Kek(kek.id, kek.version),
            Self::SetCatalogTags(_) => ObjectId::Catalog,
        }
    }

    /// What it does, apart from publishing: puts a record or removes an object.
    pub(crate) fn effect(self) -> Effect {
        match self {
            Self::PutSchema(schema) => Effect::put(Record::Schema(schema)),
            Self::PutTable(table) => Effect::put(Record::Table(table)),
            Self::PutFunction(function) => Effect::put(Record::Function(function)),
            Self::PutPolicy(policy) => Effect::put(Record::Policy(policy)),
            Self::PutPrincipal(principal) => Effect::put(Record::Principal(principal)),
            Self::PutGrant(grant) => Effect::put(Record::Grant(grant)),
            Self::PutKek(kek) => Effect::put(Record::Kek(kek)),
            Self::SetCatalogTags(tags) => Effect::put(Record::Catalog(tags)),
            Self::Publish {
                table,
                expected,
                published,
            } => Effect::Publish(table, expected, published),
            Self::DropSchema(_)
            | Self::DropTable(_)
            | Self::DropFunction(_)
            | Self::DropPolicy(_)
            | Self::DropPrincipal(_)
            | Self::DropGrant(_) => Effect::Remove(self.object()),
        }
    }
}

/// A change in the words of the state.
pub(crate) enum Effect {
    Put(Box<Record>),
    Remove(ObjectId),
    Publish(TableId, Option<u64>, Published),
}

impl Effect {
    fn put(record: Record) -> Self {
        Self::Put(Box::new(record))
    }
}
