//! Real inputs beside the project: read where they lie, never copied.

use std::path::PathBuf;

/// The folder of this name in `../shared`, or a printed line and `None` where it is absent. In CI it
/// must be there.
#[must_use]
pub fn shared(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared")
        .join(name);
    if folder.exists() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "../shared/{name} must be there in CI"
    );
    println!("skipped: ../shared/{name} is absent");
    None
}
