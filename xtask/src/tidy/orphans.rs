//! Files that no module declares: they compile for nobody, and their tests never run.

use std::collections::BTreeMap;

use crate::source::RustFile;

pub(super) fn check(files: &[RustFile]) -> Vec<String> {
    let by_path: BTreeMap<&str, &RustFile> = files
        .iter()
        .map(|file| (file.path.as_str(), file))
        .collect();
    files
        .iter()
        .filter(|file| !is_root(&file.path) && !is_declared(&file.path, &by_path))
        .map(|file| format!("{}: no module declares this file", file.path))
        .collect()
}

/// A crate begins in `src/lib.rs`, `src/main.rs`, and in what lies in `tests` or `examples`.
fn is_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(
        parts[..],
        [.., "src", "lib.rs" | "main.rs"]
            | [.., "tests" | "examples" | "benches", _]
            | [.., "tests" | "examples", _, "main.rs"]
    )
}

fn is_declared(path: &str, files: &BTreeMap<&str, &RustFile>) -> bool {
    let Some((folder, name)) = path.trim_end_matches(".rs").rsplit_once('/') else {
        return true;
    };
    let declares = |parent: &str| {
        files.get(parent).is_some_and(|file| {
            file.code
                .lines()
                .filter_map(|line| line.trim().strip_suffix(';')?.rsplit_once("mod "))
                .any(|(_, declared)| declared.trim() == name)
        })
    };
    [
        format!("{folder}.rs"),
        format!("{folder}/lib.rs"),
        format!("{folder}/main.rs"),
        format!("{folder}/mod.rs"),
    ]
    .iter()
    .any(|parent| declares(parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_no_module_declares_is_found() {
        let files = [
            (
                "crates/keys/src/lib.rs",
                "pub mod kms;\nmod sealing;\n#[cfg(test)]\nmod golden;",
            ),
            (
                "crates/keys/src/kms.rs",
                "pub(crate) mod local;\n// mod aws;",
            ),
            ("crates/keys/src/kms/local.rs", ""),
            ("crates/keys/src/kms/aws.rs", ""),
            ("crates/keys/src/golden.rs", ""),
            ("crates/keys/src/sealing.rs", "mod tests { }"),
            ("acceptance/tests/sql.rs", ""),
            ("acceptance/tests/it/main.rs", "mod masks;"),
            ("acceptance/tests/it/masks.rs", ""),
            ("acceptance/tests/it/crash.rs", ""),
        ]
        .map(|(path, text)| RustFile::of(path, text.to_owned()));
        assert_eq!(
            check(&files),
            [
                "crates/keys/src/kms/aws.rs: no module declares this file",
                "acceptance/tests/it/crash.rs: no module declares this file",
            ]
        );
    }
}
