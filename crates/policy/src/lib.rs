//! Who sees what, and why.
//!
//! Pure: facts in, rulings out. No file, socket, key or clock is touched here, and whatever is not
//! understood is refused or hidden, never shown.
//!
//! The way of a policy: [`ddl`] reads the statement, [`bind`] checks what it means when it is
//! created ([`total`]: it cannot fail on any value), [`fold`] specialises it for one requester, and
//! [`decide()`] makes a [`TableRuling`] of it, which [`explain`] puts into words. [`lint`] says what
//! is legal but unwise.

pub mod bind;
pub mod ddl;
pub mod decide;
mod error;
pub mod explain;
mod facts;
pub mod fold;
pub mod grants;
pub mod lint;
pub mod rule;
pub mod strength;
pub mod syntax;
#[cfg(test)]
mod testing;
pub mod total;
pub mod types;

pub use ddl::Statement;
pub use decide::{Action, ColumnRuling, RowFilterRuling, TableRuling, decide};
pub use error::{Error, Result};
pub use facts::Facts;
pub use grants::allows;
pub use rule::{Argument, Function, Grant, Grantee, Policy, PolicyKind, Privilege, Securable};
