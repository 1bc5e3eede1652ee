//! The words every room of the house shares: who asks, what exists, what was ruled.
//!
//! Vocabulary only. Nothing here opens a file, a socket or a key, so that every other crate can
//! depend on it for free and no decision hides in it.

pub mod class;
pub mod clock;
pub mod code;
pub mod hidden;
pub mod ids;
pub mod names;
pub mod objects;
pub mod requester;
pub mod ruling;
pub mod seal;
pub mod types;

pub use class::{Class, Tags};
pub use clock::{Clock, FixedClock, SystemClock, Timestamp};
pub use code::Code;
pub use hidden::Hidden;
pub use ids::{
    ColumnId, FileId, FunctionId, GrantId, KeyId, LakeId, PolicyId, PrincipalId, QueryId, SchemaId,
    TableId,
};
pub use names::{Name, TableName};
pub use objects::{Column, Principal, Published, Schema, Table};
pub use requester::{Door, Duty, Group, Purpose, Requester, RequesterKind};
pub use ruling::{Because, ColumnAccess};
pub use seal::{SealError, Sealer, Signer, TokenKey};
pub use types::{Field, LogicalType};
