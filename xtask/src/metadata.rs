//! What `cargo metadata` says about the workspace: who declares which dependency, and who reaches
//! whom in the end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

/// The packages and their dependencies.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// By package id.
    packages: BTreeMap<String, Package>,
    members: Vec<String>,
}

#[derive(Debug, Default)]
struct Package {
    name: String,
    declared: Vec<Declared>,
    /// Package ids, as resolved.
    uses: Vec<Edge>,
}

/// A dependency as a manifest declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declared {
    /// Of the package.
    pub(crate) name: String,
    /// Only its tests use it.
    pub(crate) is_dev: bool,
}

#[derive(Debug)]
struct Edge {
    to: String,
    is_only_dev: bool,
}

impl Graph {
    /// Asks cargo.
    pub(crate) fn load(root: &Path) -> anyhow::Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1"])
            .current_dir(root)
            .output()
            .context("cargo cannot be run")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cargo metadata failed: {said}");
        Self::parse(&serde_json::from_slice(&output.stdout).context("not the JSON of cargo")?)
    }

    /// Reads format version 1.
    pub(crate) fn parse(metadata: &Value) -> anyhow::Result<Self> {
        let mut graph = Self::default();
        for package in list(metadata, "packages")? {
            let dependencies = list(package, "dependencies")?.iter();
            let declared: anyhow::Result<Vec<_>> = dependencies
                .map(|dependency| {
                    Ok(Declared {
                        name: text(dependency, "name")?,
                        is_dev: dependency["kind"] == "dev",
                    })
                })
                .collect();
            let package_of = Package {
                name: text(package, "name")?,
                declared: declared?,
                uses: Vec::new(),
            };
            graph.packages.insert(text(package, "id")?, package_of);
        }
        for node in list(&metadata["resolve"], "nodes")? {
            let id = text(node, "id")?;
            let package = graph
                .packages
                .get_mut(&id)
                .context("a node without its package")?;
            for dependency in list(node, "deps")? {
                let kinds = list(dependency, "dep_kinds")?;
                package.uses.push(Edge {
                    to: text(dependency, "pkg")?,
                    is_only_dev: kinds.iter().all(|kind| kind["kind"] == "dev"),
                });
            }
        }
        let members = list(metadata, "workspace_members")?.iter();
        graph.members = members
            .filter_map(|id| id.as_str().map(str::to_owned))
            .collect();
        Ok(graph)
    }

    /// The names of the workspace's packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &str> {
        self.members
            .iter()
            .filter_map(|id| Some(self.packages.get(id)?.name.as_str()))
    }

    /// What the manifest of a member declares.
    pub(crate) fn declared(&self, member: &str) -> &[Declared] {
        self.member(member)
            .map_or(&[], |(_, package)| &package.declared)
    }

    /// For each package that one reaches and that is wanted: the way there. Its own tests'
    /// dependencies count, those of others do not.
    pub(crate) fn ways(&self, package: &str, wanted: impl Fn(&str) -> bool) -> Vec<Vec<&str>> {
        let outsider = || {
            self.packages
                .iter()
                .find(|(_, found)| found.name == package)
                .map(|(id, found)| (id.as_str(), found))
        };
        let Some((start, _)) = self.member(package).or_else(outsider) else {
            return Vec::new();
        };
        let mut seen = BTreeSet::from([start]);
        let mut queue = VecDeque::from([vec![start]]);
        let mut ways = Vec::new();
        while let Some(way) = queue.pop_front() {
            let Some(package) = way.last().and_then(|id| self.packages.get(*id)) else {
                continue;
            };
            if way.len() > 1 && wanted(&package.name) {
                let name = |id: &&str| self.packages.get(*id).map(|found| found.name.as_str());
                ways.push(way.iter().filter_map(name).collect());
                // What lies behind it is not news.
                continue;
            }
            for edge in &package.uses {
                if (way.len() == 1 || !edge.is_only_dev) && seen.insert(&edge.to) {
                    let mut next = way.clone();
                    next.push(&edge.to);
                    queue.push_back(next);
                }
            }
        }
        ways
    }

    fn member(&self, name: &str) -> Option<(&str, &Package)> {
        self.members
            .iter()
            .filter_map(|id| Some((id.as_str(), self.packages.get(id)?)))
            .find(|(_, package)| package.name == name)
    }
}

fn list<'a>(value: &'a Value, key: &str) -> anyhow::Result<&'a Vec<Value>> {
    value[key]
        .as_array()
        .with_context(|| format!("cargo metadata has no list {key}"))
}

fn text(value: &Value, key: &str) -> anyhow::Result<String> {
    Ok(value[key]
        .as_str()
        .with_context(|| format!("cargo metadata has no {key}"))?
        .to_owned())
}
