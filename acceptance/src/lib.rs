//! What the acceptance tests stand on: a whole lake, wired as the binary wires it.

pub mod drill;
pub mod reference;
pub mod world;

pub use reference::shared;
pub use world::{Rows, World};
