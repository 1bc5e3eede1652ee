//! Keys and entries for tests.
