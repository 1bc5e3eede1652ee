//! lakeward
fn main() {}
