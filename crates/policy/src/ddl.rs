//! Policy statements: functions, masks, row filters, tags, grants, users, explanations.
//!
//! [`parse`] recognises them by their tokens before any SQL parser sees the text, because the
//! vendors' forms are in no parser's grammar. A statement that *begins* like one of ours and then
//! goes wrong is an error, not "somebody else's": it must not reach the engine by accident.

mod cursor;
mod parser;
mod statement;
#[cfg(test)]
mod tests;

pub use parser::parse;
pub use statement::{
    ArgumentSpec, FirstArg, GranteeSpec, MemberSpec, SecurableSpec, ShowGrantsOf, Statement,
    TagTarget,
};
