//! The command line, and the one place where a lake's rooms are wired together.
//!
//! ```text
//! main.rs -> cli.rs -> config.rs -> wire_up.rs -> command/*.rs -> command/out.rs
//!            flags     flags over    concrete      one file a     the only place
//!                      env over file backends      command        that prints
//! ```
//!
//! A library, so that tests drive the same wiring and the same commands without a process of their
//! own. What a reader would get wrong: nothing in here decides who sees what. Every command that
//! touches data goes through [`lakeward_engine::Session`], users and groups included.

pub mod cli;
pub mod command;
pub mod config;
mod error;
mod files;
mod place;
pub mod wire_up;

pub use command::out::{Captured, Format, Out};
pub use error::{Error, Result};
pub use place::Place;
