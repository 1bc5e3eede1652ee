//! `docs/supported.md`: every promise has a test that exists and runs.
//!
//! The file is a table `| issue | item | proof |`. A proof is one or more tests in backticks,
//! `crate::path::test_name` or `acceptance/sql/x.slt`, or the words `open: issue N`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::source::{RustFile, words};

const FILE: &str = "docs/supported.md";

pub(super) fn check(root: &Path, files: &[RustFile]) -> anyhow::Result<Vec<String>> {
    let Ok(text) = fs::read_to_string(root.join(FILE)) else {
        return Ok(vec![format!("{FILE} is missing")]);
    };
    let tests = Tests::of(files);
    let slt = |path: &str| fs::read_to_string(root.join(path)).ok();
    Ok(check_text(&text, &tests, &slt))
}

fn check_text(text: &str, tests: &Tests, slt: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut rows = 0;
    for (number, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.starts_with('|'))
    {
        let mut find = |what: String| findings.push(format!("{FILE}:{}: {what}", number + 1));
        let cells: Vec<&str> = line
            .trim()
            .trim_matches('|')
            .split('|')
            .map(str::trim)
            .collect();
        if cells == ["issue", "item", "proof"] || cells.iter().all(|cell| is_rule(cell)) {
            continue;
        }
        rows += 1;
        let [issue, item, proof] = cells[..] else {
            find("a row has three cells: issue, item, proof".to_owned());
            continue;
        };
        if issue.parse::<u32>().is_err() || item.is_empty() {
            find("issue is a number, and item is not empty".to_owned());
        }
        if let Some(later) = proof.strip_prefix("open: issue ") {
            if later.parse::<u32>().is_err() {
                find("`open: issue N` needs a number".to_owned());
            }
            continue;
        }
        let ids: Vec<&str> = proof.split('`').skip(1).step_by(2).collect();
        if ids.is_empty() {
            find("no test in backticks, and not `open: issue N`".to_owned());
        }
        for id in ids {
            let state = if id.ends_with(".slt") {
                sql_file(slt(id))
            } else {
                tests.state(id)
            };
            match state {
                State::Runs => {}
                State::Missing => find(format!("there is no test {id}")),
                State::Ignored => find(format!("the test {id} is switched off")),
            }
        }
    }
    if rows == 0 {
        findings.push(format!("{FILE}: the table is empty"));
    }
    findings
}

fn is_rule(cell: &str) -> bool {
    !cell.is_empty() && cell.chars().all(|c| c == '-' || c == ':')
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Runs,
    Ignored,
    Missing,
}

/// A file that stops early, or before it began, proves nothing.
fn sql_file(text: Option<String>) -> State {
    match text {
        None => State::Missing,
        Some(text) if text.lines().any(|line| line.trim() == "halt") => State::Ignored,
        Some(text) => {
            let asks = |line: &str| line.starts_with("query") || line.starts_with("statement");
            if text.lines().any(asks) {
                State::Runs
            } else {
                State::Ignored
            }
        }
    }
}

/// The tests of the workspace by crate and name.
#[derive(Debug, Default)]
struct Tests(BTreeMap<(String, String), Vec<Test>>);

#[derive(Debug)]
struct Test {
    /// Modules that the file's path stands for.
    modules: Vec<String>,
    /// Modules within the file.
    inner: Vec<String>,
    is_ignored: bool,
}

impl Tests {
    fn of(files: &[RustFile]) -> Self {
        let mut tests = Self::default();
        for file in files {
            if let Some((package, modules)) = place(&file.path) {
                tests.collect(&package, &modules, &file.code);
            }
        }
        tests
    }

    fn collect(&mut self, package: &str, modules: &[String], code: &str) {
        let inner: Vec<String> = code
            .lines()
            .filter_map(|line| line.trim().strip_prefix("mod ")?.strip_suffix(" {"))
            .map(str::to_owned)
            .collect();
        let mut attributes = String::new();
        for line in code.lines().map(str::trim) {
            if line.starts_with("#[") || (!attributes.is_empty() && !line.contains("fn ")) {
                attributes.push_str(line);
                // An attribute of something else ends where that begins.
                if line.is_empty() || line.starts_with('}') {
                    attributes.clear();
                }
                continue;
            }
            let Some((_, after)) = line.split_once("fn ") else {
                continue;
            };
            let is_test = ["test]", "test(", "rstest]", "test_case("]
                .iter()
                .any(|mark| attributes.contains(mark));
            if is_test && let Some(name) = words(after).next() {
                let test = Test {
                    modules: modules.to_vec(),
                    inner: inner.clone(),
                    is_ignored: attributes.contains("#[ignore"),
                };
                let key = (package.to_owned(), name.to_owned());
                self.0.entry(key).or_default().push(test);
            }
            attributes.clear();
        }
    }

    fn state(&self, id: &str) -> State {
        let mut parts: Vec<&str> = id.split("::").collect();
        let (Some(name), false) = (parts.pop(), parts.is_empty()) else {
            return State::Missing;
        };
        let package = parts.remove(0).replace('-', "_");
        let package = package.strip_prefix("lakeward_").unwrap_or(&package);
        let Some(tests) = self.0.get(&(package.to_owned(), name.to_owned())) else {
            return State::Missing;
        };
        let fits = |test: &&Test| {
            parts.len() >= test.modules.len()
                && parts
                    .iter()
                    .zip(&test.modules)
                    .all(|(part, module)| part == module)
                && parts[test.modules.len()..]
                    .iter()
                    .all(|part| test.inner.iter().any(|inner| inner == part))
        };
        match tests.iter().find(fits) {
            None => State::Missing,
            Some(test) if test.is_ignored => State::Ignored,
            Some(_) => State::Runs,
        }
    }
}

/// The crate of a file and the modules that its path stands for.
fn place(path: &str) -> Option<(String, Vec<String>)> {
    let parts: Vec<&str> = path.strip_suffix(".rs")?.split('/').collect();
    let (package, rest) = match parts[..] {
        ["crates", package, ref rest @ ..] => (package, rest),
        [package, ref rest @ ..] => (package, rest),
        [] => return None,
    };
    let modules = match rest {
        ["src", "lib" | "main"] => &[],
        ["src", modules @ ..] | ["tests", modules @ ..] => modules,
        _ => return None,
    };
    // `tests/it/main.rs` is the root of `it`.
    let modules = match modules {
        [modules @ .., "main" | "mod"] => modules,
        modules => modules,
    };
    Some((
        package.to_owned(),
        modules.iter().map(|part| (*part).to_owned()).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<RustFile> {
        [
            ("crates/keys/src/kms/local.rs", "#[cfg(test)]\nmod tests {\n    #[test]\n    fn opens() {}\n    #[test]\n    #[ignore = \"issue 3\"]\n    fn sleeps() {}\n    fn helper() {}\n}\n"),
            ("crates/keys/src/lib.rs", "#[derive(Debug)]\nstruct Attributes;\nfn plain() {}\n"),
            ("crates/policy/src/ddl/tests.rs", "#[rstest]\n#[case(1)]\nfn parses(\n    #[case] x: u8,\n) {}\n"),
            ("acceptance/tests/it/spill.rs", "#[tokio::test(flavor = \"multi_thread\")]\nasync fn holds_no_name() {}\n"),
            ("acceptance/tests/it/main.rs", "#[test]\nfn starts() {}\n"),
        ]
        .map(|(path, text)| RustFile::of(path, text.to_owned()))
        .into()
    }

    #[test]
    fn tests_are_found_by_their_paths() {
        let tests = Tests::of(&files());
        for (id, expected) in [
            ("keys::kms::local::tests::opens", State::Runs),
            ("lakeward_keys::kms::local::tests::opens", State::Runs),
            ("keys::kms::local::tests::sleeps", State::Ignored),
            ("keys::kms::local::tests::helper", State::Missing),
            ("keys::kms::aws::tests::opens", State::Missing),
            ("keys::plain", State::Missing),
            ("policy::ddl::tests::parses", State::Runs),
            ("acceptance::it::spill::holds_no_name", State::Runs),
            ("acceptance::it::starts", State::Runs),
            ("opens", State::Missing),
        ] {
            assert_eq!(tests.state(id), expected, "{id}");
        }
    }

    #[test]
    fn each_row_needs_a_proof() {
        let tests = Tests::of(&files());
        let slt = |path: &str| match path {
            "acceptance/sql/a.slt" => Some("query T\nselect 1\n----\n1\n".to_owned()),
            "acceptance/sql/halted.slt" => Some("halt\nquery T\nselect 1\n".to_owned()),
            _ => None,
        };
        let found = |rows: &str| {
            let text = format!("# x\n\n| issue | item | proof |\n|---|---|---|\n{rows}\n");
            check_text(&text, &tests, &slt)
        };
        for good in [
            "| 2 | keystore | `keys::kms::local::tests::opens` |",
            "| 2 | two | `keys::kms::local::tests::opens`, `acceptance/sql/a.slt` |",
            "| 2 | trap 11 | open: issue 9 |",
        ] {
            assert_eq!(found(good), Vec::<String>::new());
        }
        for bad in [
            "| 2 | keystore | soon |",
            "| 2 | keystore | `keys::kms::local::tests::sleeps` |",
            "| 2 | keystore | `keys::nothing` |",
            "| 2 | keystore | `acceptance/sql/b.slt` |",
            "| 2 | keystore | `acceptance/sql/halted.slt` |",
            "| 2 | keystore | open: issue soon |",
            "| two | keystore | open: issue 9 |",
            "| 2 | keystore |",
            "",
        ] {
            assert_eq!(found(bad).len(), 1, "{bad}");
        }
    }
}
