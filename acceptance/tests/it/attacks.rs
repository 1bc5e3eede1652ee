//! Attacks on masks and row filters, by a reader who may see part of a table.
//!
//! Two lakes are twins: the same keys, names, policies and visible data, and other hidden rows and
//! cells. Whatever differs between their answers is a leak, and whoever reads both worlds raw shows
//! that there was something to leak. Numbers are those of the collection of known attacks; a letter
//! after a number is a variant of ours.

mod cases;
mod differential;
mod generator;
mod grammar;
mod keys;
mod observe;
mod traps;
mod twins;
mod writes;
