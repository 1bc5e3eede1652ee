//! Who sees what, and why.
//!
//! Pure: facts in, rulings out. No file, socket, key or clock is touched here, and whatever is not
//! understood is refused or hidden, never shown.

pub mod ddl;
mod error;
mod facts;
pub mod rule;

pub use ddl::Statement;
pub use error::{Error, Result};
pub use facts::Facts;
pub use rule::{Argument, Function, Grant, Grantee, Policy, PolicyKind, Privilege, Securable};
