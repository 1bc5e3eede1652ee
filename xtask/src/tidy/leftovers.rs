//! Files that grew too long, tests that were switched off, and work that was put off.

use crate::source::RustFile;

/// A longer file is several files.
const LINE_LIMIT: usize = 800;

pub(super) fn check(files: &[RustFile]) -> Vec<String> {
    files.iter().flat_map(check_file).collect()
}

fn check_file(file: &RustFile) -> Vec<String> {
    let mut findings = Vec::new();
    let lines = file.text.lines().count();
    if lines > LINE_LIMIT {
        findings.push(format!(
            "{}: {lines} lines, more than {LINE_LIMIT}",
            file.path
        ));
    }
    for (number, (code, text)) in file.code.lines().zip(file.text.lines()).enumerate() {
        let mut find = |what: &str| {
            findings.push(format!("{}:{}: {what}", file.path, number + 1));
        };
        let dense: String = code.split_whitespace().collect();
        if dense.contains("#[ignore") && !text.contains("issue ") {
            find("a test is ignored without `issue N` as its reason");
        }
        if dense.contains("cfg(any())") || dense.contains("cfg(false)") {
            find("code is switched off");
        }
        for macro_name in ["todo!", "unimplemented!"] {
            // Not `my_todo!`.
            let mut words = code.match_indices(macro_name);
            if words.any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
            {
                find("work is put off");
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        check_file(&RustFile::of("x.rs", text.to_owned()))
    }

    #[test]
    fn each_leftover_is_found_with_its_line() {
        for text in [
            "fn f() {}\n#[ignore]\nfn g() {}",
            "\n#[ignore = \"slow\"]",
            "\n#[cfg(any())]",
            "\nfn f() { todo!() }",
            "\nfn f() { std::unimplemented!(\"x\") }",
        ] {
            let found = findings(text);
            assert_eq!(found.len(), 1, "{text}");
            assert!(found[0].starts_with("x.rs:2: "), "{found:?}");
        }
    }

    #[test]
    fn what_only_looks_like_one_is_not() {
        for text in [
            "#[ignore = \"issue 12: needs a token\"]",
            "// todo!() is banned",
            "let x = \"unimplemented!\";",
            "my_todo!()",
            "#[cfg(any(unix, windows))]",
        ] {
            assert_eq!(findings(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(findings(&"\n".repeat(800)).len(), 0);
        assert_eq!(findings(&"\n".repeat(801)).len(), 1);
    }
}
