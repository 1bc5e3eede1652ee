//! The list of files that may call what is banned. It is a ratchet.
//!
//! A file that makes an exception must be on the list with its reason, and a file on the list must
//! still need it. Tests may make exceptions freely: they break files on purpose.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::source::RustFile;

const LIST: &str = "xtask/exceptions.toml";

pub(super) fn check(root: &Path, files: &[RustFile]) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(root.join(LIST)).context(LIST)?;
    check_files(&text, files)
}

fn check_files(list: &str, files: &[RustFile]) -> anyhow::Result<Vec<String>> {
    let list: toml::Table = list.parse().context(LIST)?;
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| makes_exception(file)) {
        if !list.contains_key(&file.path) {
            findings.push(format!(
                "{}: makes an exception and is not in {LIST}",
                file.path
            ));
        }
    }
    for (path, reason) in &list {
        if reason.as_str().is_none_or(|reason| reason.len() < 20) {
            findings.push(format!("{LIST}: {path} has no reason in words"));
        }
        if !files
            .iter()
            .any(|file| file.path == *path && makes_exception(file))
        {
            findings.push(format!(
                "{LIST}: {path} needs no exception any more; take it off"
            ));
        }
    }
    Ok(findings)
}

/// Whether a file calls what is banned outside of its tests.
fn makes_exception(file: &RustFile) -> bool {
    let code = file.shipped();
    let dense: String = code.split_whitespace().collect();
    let dense = dense.replace("cfg_attr(test,expect(", "");
    dense.match_indices("expect(").any(|(at, opening)| {
        let inside = &dense[at + opening.len()..];
        let inside = inside.split("reason=").next().unwrap_or(inside);
        let inside = inside.split(")]").next().unwrap_or(inside);
        inside.contains("clippy::disallowed_")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> RustFile {
        let is_test = path.contains("/tests");
        RustFile {
            is_test,
            ..RustFile::of(path, text.to_owned())
        }
    }

    const EXCEPTION: &str = "#![expect(clippy::disallowed_methods, reason = \"it must\")]";

    #[test]
    fn an_exception_needs_its_place_in_the_list() {
        let files = [file("crates/keys/src/a.rs", EXCEPTION)];
        assert_eq!(check_files("", &files).unwrap().len(), 1);
        let list = "\"crates/keys/src/a.rs\" = \"the keystore is a file\"";
        assert_eq!(check_files(list, &files).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn an_exception_among_others_is_seen() {
        let text =
            "#[expect(\n    clippy::large_futures,\n    clippy::disallowed_types,\n)]\nfn f() {}";
        assert!(makes_exception(&file("crates/keys/src/a.rs", text)));
    }

    #[test]
    fn a_place_that_is_no_longer_needed_or_has_no_reason_is_found() {
        let files = [file("crates/keys/src/a.rs", "fn f() {}")];
        let list = "\"crates/keys/src/a.rs\" = \"the keystore is a file\"";
        assert_eq!(check_files(list, &files).unwrap().len(), 1);
        let files = [file("crates/keys/src/a.rs", EXCEPTION)];
        assert_eq!(
            check_files("\"crates/keys/src/a.rs\" = \"\"", &files)
                .unwrap()
                .len(),
            1
        );
    }

    #[test]
    fn tests_may() {
        let inline = format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{ {EXCEPTION} }}");
        let whole =
            "#![cfg_attr(test, expect(clippy::disallowed_methods, reason = \"it breaks\"))]";
        let files = [
            file("crates/keys/src/a.rs", &inline),
            file("crates/keys/src/lib.rs", whole),
            file("crates/keys/src/a/tests.rs", EXCEPTION),
            file("crates/lake/tests/it/main.rs", EXCEPTION),
        ];
        assert_eq!(check_files("", &files).unwrap(), Vec::<String>::new());
    }
}
