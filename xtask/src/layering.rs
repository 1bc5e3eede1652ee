//! Who may depend on whom.
//!
//! Four rules: a crate declares only what the table allows it; a light crate reaches nothing heavy, by
//! whatever way; delta-rs reaches no DataFusion, so that its own operations, which know neither barrier nor
//! keys, are not even compiled; and only the engine names the type that opens a DataFusion session (tests
//! may: they have nobody to govern).

use std::path::Path;

use crate::metadata::Graph;
use crate::source;

/// Crate, whether it is light, and which of ours it may use.
const TABLE: &[(&str, Weight, &[&str])] = &[
    ("domain", Weight::Light, &[]),
    ("phi", Weight::Light, &["domain"]),
    ("keys", Weight::Light, &["domain"]),
    ("policy", Weight::Light, &["domain"]),
    ("catalog", Weight::Light, &["domain", "keys", "policy"]),
    ("audit", Weight::Light, &["domain"]),
    ("clinic", Weight::Light, &["domain"]),
    ("lake", Weight::Heavy, &["domain", "keys"]),
    (
        "engine",
        Weight::Heavy,
        &[
            "domain", "policy", "catalog", "audit", "keys", "lake", "phi",
        ],
    ),
    ("ingest", Weight::Heavy, &["domain", "phi", "engine"]),
    (
        "server",
        Weight::Heavy,
        &[
            "domain", "phi", "keys", "policy", "catalog", "audit", "clinic", "lake", "engine",
            "ingest",
        ],
    ),
    ("lakeward", Weight::Heavy, ALL),
    ("testkit", Weight::Heavy, &["domain", "clinic"]),
    ("acceptance", Weight::Heavy, ALL),
    ("xtask", Weight::Light, &[]),
];

const ALL: &[&str] = &[
    "domain", "phi", "keys", "policy", "catalog", "audit", "clinic", "lake", "engine", "ingest",
    "server", "lakeward",
];

/// What any crate's tests may use besides.
const IN_TESTS: &[&str] = &["clinic", "testkit"];

/// Families of packages that a light crate never reaches.
const HEAVY: &[&str] = &[
    "arrow",
    "datafusion",
    "parquet",
    "deltalake",
    "delta_kernel",
    "object_store",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Light,
    Heavy,
}

/// Every breach of the rules.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut findings = check_graph(&Graph::load(root)?);
    for file in source::rust_files(root)? {
        if !file.path.starts_with("crates/engine/") && names_session(&file.shipped()) {
            findings.push(format!(
                "{}: only crates/engine names SessionContext",
                file.path
            ));
        }
    }
    Ok(findings)
}

fn names_session(code: &str) -> bool {
    source::words(code).any(|word| word == "SessionContext")
}

fn check_graph(graph: &Graph) -> Vec<String> {
    let mut findings = Vec::new();
    let members: Vec<&str> = graph.members().collect();
    for member in &members {
        let Some((name, weight, allowed)) = TABLE.iter().find(|(row, ..)| *row == short(member))
        else {
            findings.push(format!(
                "{member}: not in the table of layers; give it a row"
            ));
            continue;
        };
        for declared in graph.declared(member) {
            let used = short(&declared.name);
            let is_ours = members.contains(&declared.name.as_str());
            let in_tests = declared.is_dev && IN_TESTS.contains(&used);
            if is_ours && !allowed.contains(&used) && !in_tests {
                findings.push(format!("{name} must not depend on {used}"));
            }
            if *name == "server" && family(&declared.name) == Some("datafusion") {
                findings.push(format!(
                    "server must not depend on {} itself",
                    declared.name
                ));
            }
        }
        if *weight == Weight::Light {
            for way in graph.ways(member, |package| family(package).is_some()) {
                findings.push(format!(
                    "{name} is light and reaches {}",
                    way[1..].join(" -> ")
                ));
            }
        }
    }
    for way in graph.ways("deltalake", |package| family(package) == Some("datafusion")) {
        findings.push(format!(
            "deltalake must not reach {}: switch its feature datafusion off",
            way[1..].join(" -> ")
        ));
    }
    findings
}

/// The crate's folder.
fn short(package: &str) -> &str {
    package.strip_prefix("lakeward-").unwrap_or(package)
}

/// The heavy family a package belongs to.
fn family(package: &str) -> Option<&'static str> {
    HEAVY.iter().copied().find(|family| {
        let rest = package.strip_prefix(family);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Metadata of packages, each with what it uses and whether only its tests do.
    fn metadata(packages: &[(&str, &[(&str, bool)])]) -> Value {
        let ours = |name: &str| TABLE.iter().any(|(row, ..)| *row == short(name));
        let kind = |is_dev: bool| if is_dev { json!("dev") } else { Value::Null };
        let listed = packages.iter().map(|(name, uses)| {
            let uses = uses.iter();
            let dependencies: Vec<_> = uses
                .map(|(used, is_dev)| json!({ "name": used, "kind": kind(*is_dev) }))
                .collect();
            json!({ "name": name, "id": name, "dependencies": dependencies })
        });
        let nodes = packages.iter().map(|(name, uses)| {
            let uses = uses.iter();
            let deps: Vec<_> = uses
                .map(|(used, is_dev)| {
                    json!({ "pkg": used, "dep_kinds": [{ "kind": kind(*is_dev) }] })
                })
                .collect();
            json!({ "id": name, "deps": deps })
        });
        json!({
            "packages": listed.collect::<Vec<_>>(),
            "resolve": { "nodes": nodes.collect::<Vec<_>>() },
            "workspace_members":
                packages.iter().map(|(name, _)| *name).filter(|name| ours(name)).collect::<Vec<_>>(),
        })
    }

    fn findings(packages: &[(&str, &[(&str, bool)])]) -> Vec<String> {
        check_graph(&Graph::parse(&metadata(packages)).unwrap())
    }

    #[test]
    fn a_house_in_order_has_no_findings() {
        let packages: &[(&str, &[(&str, bool)])] = &[
            ("lakeward-domain", &[("serde", false)]),
            (
                "lakeward-phi",
                &[("lakeward-domain", false), ("lakeward-clinic", true)],
            ),
            ("lakeward-clinic", &[("lakeward-domain", false)]),
            (
                "lakeward-lake",
                &[("lakeward-domain", false), ("arrow", false)],
            ),
            ("arrow", &[("arrow-schema", false)]),
            ("arrow-schema", &[]),
            ("serde", &[]),
        ];
        assert_eq!(findings(packages), Vec::<String>::new());
    }

    #[test]
    fn a_light_crate_that_uses_arrow_is_red() {
        for is_dev in [false, true] {
            let packages: &[(&str, &[(&str, bool)])] =
                &[("lakeward-policy", &[("arrow", is_dev)]), ("arrow", &[])];
            assert_eq!(findings(packages), ["policy is light and reaches arrow"]);
        }
    }

    #[test]
    fn a_light_crate_that_reaches_arrow_by_a_detour_is_red() {
        let packages: &[(&str, &[(&str, bool)])] = &[
            ("lakeward-phi", &[("csv-tool", false)]),
            ("csv-tool", &[("columns", false)]),
            ("columns", &[("object_store", false), ("arrow-array", true)]),
            ("object_store", &[]),
            ("arrow-array", &[]),
        ];
        // The tests of a stranger are not built.
        assert_eq!(
            findings(packages),
            ["phi is light and reaches csv-tool -> columns -> object_store"]
        );
    }

    #[test]
    fn a_lower_crate_that_knows_an_upper_one_is_red() {
        let packages: &[(&str, &[(&str, bool)])] = &[
            (
                "lakeward-keys",
                &[("lakeward-engine", false), ("lakeward-testkit", false)],
            ),
            ("lakeward-engine", &[]),
            ("lakeward-testkit", &[]),
        ];
        assert_eq!(
            findings(packages),
            [
                "keys must not depend on engine",
                "keys must not depend on testkit"
            ]
        );
    }

    #[test]
    fn a_crate_outside_the_table_and_a_server_with_datafusion_are_red() {
        let mut value = metadata(&[
            ("lakeward-server", &[("datafusion-expr", false)]),
            ("lakeward-attic", &[]),
            ("datafusion-expr", &[]),
        ]);
        value["workspace_members"] = json!(["lakeward-server", "lakeward-attic"]);
        assert_eq!(
            check_graph(&Graph::parse(&value).unwrap()),
            [
                "server must not depend on datafusion-expr itself",
                "lakeward-attic: not in the table of layers; give it a row"
            ]
        );
    }

    #[test]
    fn delta_rs_with_operations_of_its_own_is_red() {
        let packages: &[(&str, &[(&str, bool)])] = &[
            ("lakeward-lake", &[("deltalake", false)]),
            ("deltalake", &[("deltalake-core", false)]),
            ("deltalake-core", &[("datafusion", false)]),
            ("datafusion", &[]),
        ];
        assert_eq!(
            findings(packages),
            [
                "deltalake must not reach deltalake-core -> datafusion: switch its feature datafusion off"
            ]
        );
    }

    #[test]
    fn families_are_told_from_names_that_only_start_alike() {
        for (package, expected) in [
            ("arrow", Some("arrow")),
            ("arrow-ipc", Some("arrow")),
            ("object_store", Some("object_store")),
            ("arrows", None),
            ("parquetry", None),
            ("delta_kernel", Some("delta_kernel")),
            ("sqlparser", None),
        ] {
            assert_eq!(family(package), expected);
        }
    }

    #[test]
    fn a_session_is_told_from_talk_about_it() {
        let named = source::code_only("fn open() -> SessionContext { todo() }");
        let talk = source::code_only("// SessionContext is banned\nlet x = \"SessionContext\";");
        let longer = source::code_only("struct MySessionContextual;");
        assert_eq!(
            [named, talk, longer].map(|code| names_session(&code)),
            [true, false, false]
        );
    }
}
