//! What exists, and in which version: schemas, tables, functions, policies, principals, grants and
//! wrapped keys.
//!
//! The whole catalog is in memory as an immutable [`State`] per epoch; SQLite keeps the sealed rows.
//!
//! ```text
//! commit(base, changes)      catalog
//!   -> conflicts with base?  history
//!   -> changes in order      change     (names unique, what they refer to is there)
//!   -> rows sealed, MAC'ed   row
//!   -> root over all rows    row
//!   -> one transaction       store      (synchronous; rows, root)
//!   -> new State published   catalog
//! ```
//!
//! What a reader would get wrong: a MAC per row is not enough, since a row that is *gone* fails no
//! MAC, and a deleted policy would open a table. So every epoch commits to a root over all rows,
//! checked by [`Catalog::open`]. Even that cannot notice a catalog that was replaced as a whole by an
//! older copy: whoever opens it compares [`Catalog::epoch`] and [`Catalog::root`] with the last epoch
//! in the ledger.

mod catalog;
mod change;
mod error;
mod history;
mod keys;
mod row;
mod state;
mod store;

pub use catalog::Catalog;
pub use change::Change;
pub use error::{Error, Result};
pub use keys::{CatalogKeys, NameKey};
pub use row::ObjectId;
pub use state::State;

#[cfg(test)]
mod tests;
