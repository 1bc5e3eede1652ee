//! Members name no version of their own: one feature more in one of them would compile the engine
//! twice, and two versions would not fit together.

use std::fs;
use std::path::Path;

use anyhow::Context;
use toml::{Table, Value};

pub(super) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut members = vec!["acceptance".to_owned(), "xtask".to_owned()];
    for entry in fs::read_dir(root.join("crates"))? {
        members.push(format!("crates/{}", entry?.file_name().to_string_lossy()));
    }
    members.sort();
    for member in members {
        let path = format!("{member}/Cargo.toml");
        let Ok(text) = fs::read_to_string(root.join(&path)) else {
            continue;
        };
        findings.extend(check_manifest(&path, &text)?);
    }
    Ok(findings)
}

fn check_manifest(path: &str, text: &str) -> anyhow::Result<Vec<String>> {
    let manifest: Table = text.parse().with_context(|| path.to_owned())?;
    let mut findings = Vec::new();
    check_tables(path, &manifest, &mut findings);
    for target in tables(manifest.get("target")) {
        check_tables(path, target, &mut findings);
    }
    let has_lints = manifest
        .get("lints")
        .is_some_and(|lints| lints.get("workspace").is_some());
    let has_own_lints = manifest
        .get("lints")
        .is_some_and(|lints| lints.get("clippy").is_some());
    if path.starts_with("crates/") && !has_lints && !(has_own_lints && path.contains("testkit")) {
        findings.push(format!("{path}: the workspace's lints are not taken over"));
    }
    Ok(findings)
}

fn check_tables(path: &str, table: &Table, findings: &mut Vec<String>) {
    for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(Value::Table(dependencies)) = table.get(kind) else {
            continue;
        };
        for (name, dependency) in dependencies {
            let inherits = dependency.get("workspace").and_then(Value::as_bool) == Some(true);
            if !inherits {
                findings.push(format!("{path}: {name} is not `workspace = true`"));
            }
            if dependency.get("features").is_some() {
                findings.push(format!(
                    "{path}: {name} has features; they belong to the root"
                ));
            }
        }
    }
}

fn tables(value: Option<&Value>) -> impl Iterator<Item = &Table> {
    value
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINTS: &str = "[lints]\nworkspace = true\n";

    #[test]
    fn versions_paths_and_features_of_a_member_are_found() {
        for dependency in [
            "[dependencies]\nserde = \"1\"",
            "[dependencies]\nserde = { version = \"1\" }",
            "[dev-dependencies]\nserde = { git = \"x\" }",
            "[build-dependencies.serde]\npath = \"../x\"",
            "[target.'cfg(unix)'.dependencies]\nserde = \"1\"",
            "[dependencies]\nserde = { workspace = true, features = [\"rc\"] }",
        ] {
            let text = format!("{LINTS}{dependency}");
            assert_eq!(
                check_manifest("crates/a/Cargo.toml", &text).unwrap().len(),
                1,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_inherited_is_fine() {
        let text = format!("{LINTS}[dependencies]\na = {{ workspace = true }}\nb.workspace = true");
        assert!(
            check_manifest("crates/a/Cargo.toml", &text)
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn a_crate_without_the_lints_is_found() {
        assert_eq!(check_manifest("crates/a/Cargo.toml", "").unwrap().len(), 1);
        assert!(check_manifest("xtask/Cargo.toml", "").unwrap().is_empty());
    }
}
