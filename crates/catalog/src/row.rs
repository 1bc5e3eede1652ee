//! A row: one object, sealed, and the keyed hashes that hold rows together.
//!
//! Format 1. Fields of a frame are each preceded by their length (32 bits, big-endian):
//!
//! ```text
//! context = frame("lakeward catalog row 1", lake, id, kind, parent, name key or "", epoch as 8 bytes)
//! sealed  = seal(JSON of the record, padded with spaces; associated data = context)
//! mac     = HMAC-SHA256(row key, context | frame(sealed))
//! root    = SHA-256(frame("lakeward catalog root 1", lake, epoch) | frame(id, mac) for each row)
//! ```
//!
//! What a reader would get wrong: the padding and the missing names are not for integrity. Ids are
//! random and the kind is plain, but the length of a payload tells the length of a name or of a
//! policy's body, so payloads are padded to whole blocks.

use std::{fmt, str::FromStr};

use lakeward_domain::{
    FunctionId, GrantId, KeyId, LakeId, PolicyId, Principal, PrincipalId, Schema, SchemaId, Table,
    TableId, Tags,
};
use lakeward_keys::KekRecord;
use lakeward_policy::{Function, Grant, Policy};
use ring::{digest, hmac};
use serde::{Serialize, de::DeserializeOwned};

use crate::{CatalogKeys, Error, Result};

/// The id of anything that the catalog keeps. The order is that of the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectId {
    /// The catalog itself: its tags.
    Catalog,
    /// A schema.
    Schema(SchemaId),
    /// A table.
    Table(TableId),
    /// A function.
    Function(FunctionId),
    /// A policy.
    Policy(PolicyId),
    /// A user, service or group.
    Principal(PrincipalId),
    /// A grant.
    Grant(GrantId),
    /// One version of a key-encrypting key.
    Kek(KeyId, u32),
}

impl ObjectId {
    /// The kind, as stored.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::Schema(_) => "schema",
            Self::Table(_) => "table",
            Self::Function(_) => "function",
            Self::Policy(_) => "policy",
            Self::Principal(_) => "principal",
            Self::Grant(_) => "grant",
            Self::Kek(..) => "kek",
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Catalog => f.write_str("catalog"),
            Self::Schema(id) => id.fmt(f),
            Self::Table(id) => id.fmt(f),
            Self::Function(id) => id.fmt(f),
            Self::Policy(id) => id.fmt(f),
            Self::Principal(id) => id.fmt(f),
            Self::Grant(id) => id.fmt(f),
            Self::Kek(id, version) => write!(f, "{id}@{version}"),
        }
    }
}

impl FromStr for ObjectId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |_| Error::Tampered("a row of an unknown kind");
        match text.as_bytes().first() {
            Some(b's') => text.parse().map(Self::Schema).map_err(bad),
            Some(b't') => text.parse().map(Self::Table).map_err(bad),
            Some(b'f') => text.parse().map(Self::Function).map_err(bad),
            Some(b'p') => text.parse().map(Self::Policy).map_err(bad),
            Some(b'u') => text.parse().map(Self::Principal).map_err(bad),
            Some(b'g') => text.parse().map(Self::Grant).map_err(bad),
            Some(b'k') => text
                .split_once('@')
                .and_then(|(id, version)| Some(Self::Kek(id.parse().ok()?, version.parse().ok()?)))
                .ok_or(Error::Tampered("a row of an unknown kind")),
            _ if text == "catalog" => Ok(Self::Catalog),
            _ => Err(Error::Tampered("a row of an unknown kind")),
        }
    }
}

/// One object with its content.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Record {
    Catalog(Tags),
    Schema(Schema),
    Table(Table),
    Function(Function),
    Policy(Policy),
    Principal(Principal),
    Grant(Grant),
    Kek(KekRecord),
}

impl Record {
    pub(crate) fn id(&self) -> ObjectId {
        match self {
            Self::Catalog(_) => ObjectId::Catalog,
            Self::Schema(schema) => ObjectId::Schema(schema.id),
            Self::Table(table) => ObjectId::Table(table.id),
            Self::Function(function) => ObjectId::Function(function.id),
            Self::Policy(policy) => ObjectId::Policy(policy.id),
            Self::Principal(principal) => ObjectId::Principal(principal.id()),
            Self::Grant(grant) => ObjectId::Grant(grant.id),
            Self::Kek(kek) => ObjectId::Kek(kek.id, kek.version),
        }
    }

    /// What it belongs to, as stored beside it. Empty where telling would tell too much: who holds
    /// which grant.
    fn parent(&self) -> String {
        match self {
            Self::Table(table) => table.schema.to_string(),
            Self::Function(function) => function.schema.to_string(),
            Self::Policy(policy) => policy.table.to_string(),
            Self::Kek(kek) => kek.scope.table.to_string(),
            Self::Catalog(_) | Self::Schema(_) | Self::Principal(_) | Self::Grant(_) => {
                String::new()
            }
        }
    }

    /// Users, services and groups share one space of names.
    fn name_key(&self, keys: &RowKeys) -> Option<[u8; 32]> {
        let (kind, name) = match self {
            Self::Schema(schema) => ("catalog schema", schema.name.to_string()),
            Self::Table(table) => (
                "catalog table",
                format!("{}/{}", table.schema, table.name.table),
            ),
            Self::Function(function) => (
                "catalog function",
                format!("{}/{}", function.schema, function.name.table),
            ),
            Self::Principal(principal) => ("catalog principal", principal.name().to_string()),
            Self::Catalog(_) | Self::Policy(_) | Self::Grant(_) | Self::Kek(_) => return None,
        };
        Some((keys.keys.name_key)(kind, &name))
    }

    /// The stored form.
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let mut bytes = match self {
            Self::Catalog(tags) => json(tags),
            Self::Schema(schema) => json(schema),
            Self::Table(table) => {
                // Derived from schema and catalog whenever it is read: a stored copy could go stale.
                let mut table = table.clone();
                table.inherited_tags = Tags::new();
                json(&table)
            }
            Self::Function(function) => json(function),
            Self::Policy(policy) => json(policy),
            Self::Principal(principal) => json(principal),
            Self::Grant(grant) => json(grant),
            Self::Kek(kek) => json(kek),
        }?;
        let padded = bytes.len().next_multiple_of(BLOCK);
        bytes.resize(padded, b' ');
        Ok(bytes)
    }

    /// Reads the stored form of an object.
    pub(crate) fn decode(id: ObjectId, bytes: &[u8]) -> Result<Self> {
        let record = match id {
            ObjectId::Catalog => Self::Catalog(parse(bytes)?),
            ObjectId::Schema(_) => Self::Schema(parse(bytes)?),
            ObjectId::Table(_) => Self::Table(parse(bytes)?),
            ObjectId::Function(_) => Self::Function(parse(bytes)?),
            ObjectId::Policy(_) => Self::Policy(parse(bytes)?),
            ObjectId::Principal(_) => Self::Principal(parse(bytes)?),
            ObjectId::Grant(_) => Self::Grant(parse(bytes)?),
            ObjectId::Kek(..) => Self::Kek(parse(bytes)?),
        };
        if record.id() == id {
            Ok(record)
        } else {
            Err(Error::Tampered("a row that holds another object"))
        }
    }
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|_| Error::Internal("a record that does not encode"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    // Authenticated already, so this is no forgery but a release that wrote another shape.
    serde_json::from_slice(bytes).map_err(|_| Error::Version {
        found: 0,
        known: crate::store::FORMAT,
    })
}

/// Payloads are padded to a multiple of this.
const BLOCK: usize = 128;

/// A row as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) parent: String,
    pub(crate) name_key: Option<Vec<u8>>,
    pub(crate) epoch: u64,
    pub(crate) sealed: Vec<u8>,
    pub(crate) mac: Vec<u8>,
}

/// Seals and opens rows, and hashes them together.
pub(crate) struct RowKeys {
    lake: LakeId,
    keys: CatalogKeys,
    row: hmac::Key,
    epoch: hmac::Key,
}

impl fmt::Debug for RowKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowKeys")
            .field("lake", &self.lake)
            .finish_non_exhaustive()
    }
}

impl RowKeys {
    pub(crate) fn new(lake: LakeId, keys: CatalogKeys) -> Self {
        // INVARIANT: no object's name is keyed under these two kinds, so no stored name key is a
        // MAC key.
        let key =
            |use_: &str| hmac::Key::new(hmac::HMAC_SHA256, &(keys.name_key)("catalog mac", use_));
        Self {
            lake,
            row: key("row"),
            epoch: key("epoch"),
            keys,
        }
    }

    /// Seals a record as its row of an epoch.
    pub(crate) fn seal(&self, record: &Record, epoch: u64) -> Result<Row> {
        let id = record.id();
        let mut row = Row {
            id: id.to_string(),
            kind: id.kind().to_owned(),
            parent: record.parent(),
            name_key: record.name_key(self).map(Vec::from),
            epoch,
            sealed: Vec::new(),
            mac: Vec::new(),
        };
        let context = self.context(&row);
        row.sealed = self.keys.sealer.seal(&record.encode()?, &context)?;
        let text = authenticated(&context, &row.sealed);
        row.mac = hmac::sign(&self.row, &text).as_ref().to_vec();
        Ok(row)
    }

    /// Checks a row and opens it; the MAC comes back as the row's leaf of the root.
    pub(crate) fn open(&self, row: &Row) -> Result<(Record, [u8; 32])> {
        let id = row.id.parse::<ObjectId>()?;
        let context = self.context(row);
        hmac::verify(&self.row, &authenticated(&context, &row.sealed), &row.mac)
            .map_err(|_| Error::Tampered("a row was altered"))?;
        let record = Record::decode(id, &self.keys.sealer.open(&row.sealed, &context)?)?;
        let name_key = record.name_key(self).map(Vec::from);
        if row.kind != id.kind() || row.parent != record.parent() || row.name_key != name_key {
            return Err(Error::Tampered("a row that holds another object"));
        }
        Ok((record, array(&row.mac)))
    }

    fn context(&self, row: &Row) -> Vec<u8> {
        frame(&[
            b"lakeward catalog row 1",
            self.lake.as_bytes(),
            row.id.as_bytes(),
            row.kind.as_bytes(),
            row.parent.as_bytes(),
            row.name_key.as_deref().unwrap_or_default(),
            &row.epoch.to_be_bytes(),
        ])
    }

    /// The root over the rows of an epoch, which must come in the order of their ids.
    pub(crate) fn root<'a>(
        &self,
        epoch: u64,
        rows: impl Iterator<Item = (&'a ObjectId, &'a [u8; 32])>,
    ) -> [u8; 32] {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(&frame(&[
            b"lakeward catalog root 1",
            self.lake.as_bytes(),
            &epoch.to_be_bytes(),
        ]));
        for (id, mac) in rows {
            hash.update(&frame(&[id.to_string().as_bytes(), mac]));
        }
        array(hash.finish().as_ref())
    }

    /// The keyed hash of an epoch's root.
    pub(crate) fn epoch_mac(&self, epoch: u64, root: &[u8]) -> [u8; 32] {
        array(hmac::sign(&self.epoch, &self.epoch_text(epoch, root)).as_ref())
    }

    /// Checks the keyed hash of an epoch's root.
    pub(crate) fn check_epoch(&self, epoch: u64, root: &[u8], mac: &[u8]) -> Result<()> {
        hmac::verify(&self.epoch, &self.epoch_text(epoch, root), mac)
            .map_err(|_| Error::Tampered("an epoch's root was altered"))
    }

    fn epoch_text(&self, epoch: u64, root: &[u8]) -> Vec<u8> {
        frame(&[
            b"lakeward catalog epoch 1",
            self.lake.as_bytes(),
            &epoch.to_be_bytes(),
            root,
        ])
    }
}

/// What a row's MAC is over.
fn authenticated(context: &[u8], sealed: &[u8]) -> Vec<u8> {
    let mut text = context.to_vec();
    text.extend_from_slice(&frame(&[sealed]));
    text
}

/// Fields, each preceded by its length.
fn frame(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in fields {
        // No field reaches 4 GiB: SQLite's blobs end at 2^31 - 1 bytes.
        let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}

fn array(bytes: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    for (to, from) in array.iter_mut().zip(bytes) {
        *to = *from;
    }
    array
}

/// As lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
