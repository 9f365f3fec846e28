//! Edges between packages: who may depend on whom, and why each outside dependency is there.
//!
//! Arrows point down only. A new edge between our crates is the rarest change: it is made by adding
//! it to the table here, in view. Tests may reach further up than the code they test.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::File;
use crate::{Workspace, process};

const REASONS: &str = "docs/DEPENDENCIES.md";

/// Our packages and what each may use of ours.
const MAY_USE: &[(&str, &[&str])] = &[
    ("money", &[]),
    ("ledger", &["money"]),
    ("instrument", &["money"]),
    ("http402", &["instrument", "money"]),
    ("disk", &[]),
    ("index", &["disk"]),
    ("hashes", &[]),
    ("tlog", &["hashes"]),
    ("evidence", &["hashes", "money", "tlog"]),
    ("journal", &["disk"]),
    (
        "engine",
        &[
            "disk",
            "evidence",
            "hashes",
            "index",
            "instrument",
            "journal",
            "ledger",
            "money",
            "tlog",
        ],
    ),
    ("gateway", &["engine", "http402", "instrument", "money"]),
    ("client", &["http402", "instrument", "money"]),
    ("witness", &["disk", "tlog"]),
    ("mcp", &["client", "money"]),
    ("report", &["engine", "ledger", "money"]),
    ("seal", &[]),
    ("webhook", &["engine", "money", "seal"]),
    (
        "api",
        &[
            "engine",
            "gateway",
            "http402",
            "instrument",
            "ledger",
            "money",
            "report",
            "tlog",
            "webhook",
        ],
    ),
    (
        "farthing",
        &[
            "api",
            "client",
            "disk",
            "engine",
            "evidence",
            "gateway",
            "http402",
            "instrument",
            "journal",
            "ledger",
            "mcp",
            "money",
            "report",
            "seal",
            "tlog",
            "webhook",
            "witness",
        ],
    ),
    (
        "sim",
        &[
            "disk",
            "engine",
            "evidence",
            "index",
            "instrument",
            "journal",
            "ledger",
            "money",
            "tlog",
        ],
    ),
    ("xtask", &[]),
    (
        "benches",
        &[
            "engine",
            "evidence",
            "gateway",
            "http402",
            "instrument",
            "ledger",
            "money",
            "report",
            "tlog",
            "webhook",
        ],
    ),
    (
        "fuzz",
        &[
            "client",
            "disk",
            "engine",
            "evidence",
            "gateway",
            "http402",
            "index",
            "instrument",
            "journal",
            "ledger",
            "money",
            "tlog",
        ],
    ),
];

/// These take inputs and return outputs: no I/O, no clock, no randomness, no async.
const PURE: &[&str] = &["money", "ledger", "instrument", "http402", "hashes", "tlog", "evidence"];

/// What brings one of those in.
const IMPURE: &[&str] = &[
    "axum",
    "futures-util",
    "getrandom",
    "hyper",
    "hyper-rustls",
    "hyper-util",
    "rand",
    "rustls",
    "tempfile",
    "tokio",
    "tracing",
    "tracing-subscriber",
];

/// One direct dependency.
struct Edge {
    from: String,
    to: String,
    is_ours: bool,
    for_tests: bool,
}

/// All findings of the two workspaces' manifests.
pub(crate) fn check(workspace: &Workspace, files: &[File]) -> Result<Vec<String>> {
    let mut edges = Vec::new();
    let mut members = BTreeSet::new();
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        let line =
            format!("cargo metadata --no-deps --format-version 1 --manifest-path {manifest}");
        let text = process::output(&mut process::command(&workspace.root, &line)?)?;
        read(&text, &mut edges, &mut members).context("cargo metadata has another shape")?;
    }
    let reasons = files.iter().find(|file| file.path == REASONS).map_or("", |file| &file.text);
    let mut findings = directions(&edges, &members);
    findings.extend(missing_reasons(&edges, reasons));
    Ok(findings)
}

fn read(text: &str, edges: &mut Vec<Edge>, members: &mut BTreeSet<String>) -> Result<()> {
    let metadata: Value = serde_json::from_str(text)?;
    for package in metadata["packages"].as_array().context("packages")? {
        let from = package["name"].as_str().context("name")?;
        members.insert(from.to_owned());
        for dependency in package["dependencies"].as_array().context("dependencies")? {
            edges.push(Edge {
                from: from.to_owned(),
                to: dependency["name"].as_str().context("dependency name")?.to_owned(),
                is_ours: dependency["path"].is_string(),
                for_tests: dependency["kind"] == "dev",
            });
        }
    }
    Ok(())
}

fn directions(edges: &[Edge], members: &BTreeSet<String>) -> Vec<String> {
    let row = |name: &str| MAY_USE.iter().find(|(member, _)| *member == name);
    let without_place = members
        .iter()
        .filter(|name| row(name).is_none())
        .map(|name| format!("package `{name}` has no place in the table of edges"));
    let upwards = edges
        .iter()
        .filter(|edge| edge.is_ours && !edge.for_tests)
        .filter(|edge| !row(&edge.from).is_some_and(|(_, may)| may.contains(&edge.to.as_str())))
        .map(|edge| format!("`{}` must not depend on `{}`", edge.from, edge.to));
    let impure = edges
        .iter()
        .filter(|edge| !edge.for_tests && PURE.contains(&edge.from.as_str()))
        .filter(|edge| IMPURE.contains(&edge.to.as_str()))
        .map(|edge| format!("`{}` is pure and must not depend on `{}`", edge.from, edge.to));
    without_place.chain(upwards).chain(impure).collect()
}

/// The rows of the first table, under `## Rust`, begin with the package's name in backticks.
fn missing_reasons(edges: &[Edge], reasons: &str) -> Vec<String> {
    let rust = reasons.split("\n## ").find(|part| part.starts_with("Rust\n")).unwrap_or_default();
    let rows: BTreeSet<&str> = rust
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0))
        .collect();
    let used: BTreeSet<&str> =
        edges.iter().filter(|edge| !edge.is_ours).map(|edge| edge.to.as_str()).collect();
    let unexplained =
        used.difference(&rows).map(|name| format!("{REASONS}: `{name}` has no row under Rust"));
    let unused = rows.difference(&used).map(|name| format!("{REASONS}: nothing uses `{name}`"));
    unexplained.chain(unused).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: &str, to: &str, is_ours: bool, for_tests: bool) -> Edge {
        Edge { from: from.into(), to: to.into(), is_ours, for_tests }
    }

    #[test]
    fn arrows_point_down() {
        let members = BTreeSet::from(["money".to_owned(), "stray".to_owned()]);
        let edges = [
            edge("engine", "ledger", true, false),
            edge("ledger", "engine", true, false),
            edge("gateway", "client", true, true),
            edge("http402", "tokio", false, false),
            edge("http402", "tokio", false, true),
        ];
        assert_eq!(
            directions(&edges, &members),
            [
                "package `stray` has no place in the table of edges",
                "`ledger` must not depend on `engine`",
                "`http402` is pure and must not depend on `tokio`",
            ]
        );
    }

    #[test]
    fn the_table_of_edges_has_no_cycle() {
        let mut placed: Vec<&str> = Vec::new();
        while placed.len() < MAY_USE.len() {
            let before = placed.len();
            for (name, may) in MAY_USE {
                if !placed.contains(name) && may.iter().all(|used| placed.contains(used)) {
                    placed.push(name);
                }
            }
            assert!(placed.len() > before, "a cycle outside {placed:?}");
        }
    }

    #[test]
    fn each_outside_dependency_has_a_reason_and_each_reason_a_use() {
        let edges = [edge("money", "serde", false, false), edge("money", "sha2", false, true)];
        let text =
            "# x\n\n## Rust\n\n| `serde` | a |\n| `gone` | a |\n\n## npm\n\n| `sha2` | a |\n";
        assert_eq!(
            missing_reasons(&edges, text),
            [
                "docs/DEPENDENCIES.md: `sha2` has no row under Rust",
                "docs/DEPENDENCIES.md: nothing uses `gone`",
            ]
        );
    }

    #[test]
    fn manifests_are_read_from_cargo() {
        let text = r#"{"packages":[{"name":"engine","dependencies":[
            {"name":"ledger","kind":null,"path":"/x"},{"name":"proptest","kind":"dev"}]}]}"#;
        let (mut edges, mut members) = (Vec::new(), BTreeSet::new());
        read(text, &mut edges, &mut members).unwrap();
        assert!(members.contains("engine"));
        assert!(edges[0].is_ours && !edges[0].for_tests);
        assert!(!edges[1].is_ours && edges[1].for_tests);
        assert!(read("{}", &mut edges, &mut members).is_err());
    }
}
