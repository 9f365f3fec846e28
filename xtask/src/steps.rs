//! The steps of `cargo xtask test` as data: what runs, where, and with which environment.
//!
//! Invariant: the order is cheapest first, and each step needs only what the steps before it made.
//! A step must not pass by finding nothing to do.

use anyhow::Result;

use crate::{Workspace, demo, process, setup, tidy};

/// One line of the summary.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) tasks: &'static [Task],
}

/// One piece of a step's work.
pub(crate) enum Task {
    /// A program; its path and folder start at the repository's root.
    Command {
        line: &'static str,
        folder: &'static str,
        variable: Option<(&'static str, &'static str)>,
    },
    /// A program that talks to a running `farthing demo`.
    AgainstDemo { line: &'static str, folder: &'static str },
    /// A function of this tool.
    Call(fn(&Workspace) -> Result<()>),
}

/// A program in the repository's root.
pub(crate) const fn command(line: &'static str) -> Task {
    Task::Command { line, folder: "", variable: None }
}

const fn command_in(folder: &'static str, line: &'static str) -> Task {
    Task::Command { line, folder, variable: None }
}

const fn step(name: &'static str, what: &'static str, tasks: &'static [Task]) -> Step {
    Step { name, what, tasks }
}

/// Every step, in the order of running.
pub(crate) const STEPS: &[Step] = &[
    step("setup", "what the steps need and the machine lacks", &[Task::Call(setup::everything)]),
    step(
        "fmt",
        "Rust is formatted",
        &[
            command("cargo fmt --all --check"),
            command("cargo fmt --manifest-path fuzz/Cargo.toml --check"),
        ],
    ),
    step("tidy", "the repository's own rules", &[Task::Call(tidy::check)]),
    step(
        "lints",
        "clippy, warnings are errors",
        &[
            command("cargo clippy --workspace --all-targets -- -D warnings"),
            command("cargo clippy --package farthing --features otel --all-targets -- -D warnings"),
        ],
    ),
    step(
        "docs",
        "rustdoc, warnings are errors",
        &[Task::Command {
            line: "cargo doc --workspace --no-deps",
            folder: "",
            variable: Some(("RUSTDOCFLAGS", "-D warnings")),
        }],
    ),
    step(
        "deny",
        "licences, sources and duplicates of dependencies",
        &[command("target/tools/bin/cargo-deny --workspace check bans licenses sources")],
    ),
    step(
        "unit",
        "unit, property and black-box tests, examples in the docs",
        &[
            command("cargo test --workspace --all-targets"),
            command("cargo test --workspace --doc"),
            command("cargo test --package farthing --features otel --bin farthing otel"),
        ],
    ),
    step(
        "no_std",
        "the signed formats compile without features and without std",
        &[
            Task::Call(tidy::no_std),
            command("cargo check --package money --no-default-features"),
            command("cargo check --package instrument --no-default-features"),
        ],
    ),
    step(
        "fuzz-seeds",
        "every decoder on its seeds and seeded mutations",
        &[command("cargo test --manifest-path fuzz/Cargo.toml --no-default-features")],
    ),
    step(
        "packaging",
        "alert rules, dashboard, chart and units, under other people's tools",
        &[command("target/venv-packaging/bin/python tests/packaging/check.py")],
    ),
    step(
        "web",
        "the pages are their sources' build, and pass their tests",
        &[command_in("web", "npm run check"), command_in("web", "npm test")],
    ),
    step(
        "sdk-typescript",
        "the TypeScript plug-in builds and passes its tests",
        &[command_in("sdk/typescript", "npm run build"), command_in("sdk/typescript", "npm test")],
    ),
    step(
        "sdk-python",
        "the Python plug-in installs and passes its tests",
        &[
            command(
                "target/venv/bin/python -m pip install --quiet --no-deps --force-reinstall sdk/python",
            ),
            command_in(
                "sdk/python",
                "target/venv/bin/python -m unittest discover --start-directory tests",
            ),
        ],
    ),
    step(
        "sim",
        "lives of a node on a disk that fails, from fixed seeds, beside an oracle",
        &[command("cargo run --quiet --profile checked --package sim -- --seeds 300 --from 1")],
    ),
    step(
        "kill",
        "a real process killed under load, and every acknowledged id looked for",
        &[command("cargo run --quiet --profile checked --package sim -- kill --rounds 200")],
    ),
    step("release", "the release binary", &[command("cargo build --release --package farthing")]),
    step(
        "instructions",
        "a transfer of the ledger takes no more instructions than before",
        &[
            command("cargo build --release --package benches"),
            command("target/release/benches ledger --quick --only instructions"),
        ],
    ),
    step(
        "smoke",
        "every kind of purchase over real sockets",
        &[command("target/release/farthing demo --smoke")],
    ),
    step(
        "metrics",
        "Prometheus' own tool reads what a node tells",
        &[command("target/venv-packaging/bin/python tests/packaging/metrics.py")],
    ),
    step(
        "foreign-js",
        "JavaScript clients and servers of other stacks, unmodified",
        &[Task::AgainstDemo { line: "node run.mjs", folder: "tests/foreign/js" }],
    ),
    step(
        "api-contract",
        "schemathesis: the OpenAPI document says what the API does",
        &[Task::AgainstDemo {
            line: "target/venv-api/bin/python api_contract.py",
            folder: "tests/foreign/python",
        }],
    ),
    step(
        "foreign-python",
        "Python clients, servers and checkers of other stacks, unmodified",
        &[
            command("cargo build --release --package tlog --example log_of_lines"),
            Task::AgainstDemo {
                line: "target/venv/bin/python run.py",
                folder: "tests/foreign/python",
            },
        ],
    ),
    step(
        "browser",
        "a reader in headless Chromium",
        &[Task::AgainstDemo { line: "npm test", folder: "tests/browser" }],
    ),
];

impl Step {
    /// Does all the work; the first failure ends the step.
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<()> {
        self.tasks.iter().try_for_each(|task| task.run(workspace))
    }
}

impl Task {
    fn run(&self, workspace: &Workspace) -> Result<()> {
        let root = &workspace.root;
        match self {
            Self::Call(function) => function(workspace),
            Self::Command { line, folder, variable } => {
                let mut program = process::command(root, line)?;
                program.current_dir(root.join(folder)).envs(*variable);
                process::run(&mut program)
            }
            Self::AgainstDemo { line, folder } => {
                let demo = demo::start(workspace)?;
                let mut program = process::command(root, line)?;
                program.current_dir(root.join(folder)).envs(demo.variables());
                process::run(&mut program)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_no_step_is_empty() {
        let mut names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
        assert!(STEPS.iter().all(|step| !step.tasks.is_empty()));
    }
}
