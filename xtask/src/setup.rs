//! What the steps need and the machine lacks: Debian packages, npm packages, a Python environment,
//! cargo-deny.
//!
//! Invariants: running it twice changes nothing the second time; what cannot be installed is an
//! error that names it. Everything but the Debian packages goes below the repository's root.

mod python;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::Workspace;
use crate::process;

/// Debian package and a file or program that shows that it is there.
const DEBIAN: &[(&str, &str)] = &[
    ("chromium", "chromium"),
    ("git", "git"),
    ("nodejs", "node"),
    ("npm", "npm"),
    ("prometheus", "promtool"),
    ("systemd", "systemd-analyze"),
    ("valgrind", "valgrind"),
];

/// Folders with a `package-lock.json`.
const NPM: &[&str] =
    &["web", "sdk/typescript", "tests/foreign/js", "tests/browser", "benches/peer"];

const CARGO_DENY_VERSION: &str = "0.20.2";

/// Installs all of it.
pub(crate) fn everything(workspace: &Workspace) -> Result<()> {
    debian(workspace)?;
    for folder in NPM {
        npm(workspace, folder)?;
    }
    python::environments(workspace)?;
    cargo_deny(workspace)
}

fn debian(workspace: &Workspace) -> Result<()> {
    let mut missing: Vec<&str> = DEBIAN
        .iter()
        .filter(|(_, program)| !process::on_path(program))
        .map(|(package, _)| *package)
        .collect();
    let venv = process::command(&workspace.root, "python3 -c")
        .and_then(|mut python| process::output(python.arg("import venv, ensurepip")));
    if venv.is_err() {
        missing.push("python3-venv");
    }
    install(workspace, &missing)
}

/// The database that `bench ledger --compare postgres` measures; no step needs it. Debian keeps its
/// programs off the path.
pub(crate) fn postgres(workspace: &Workspace) -> Result<()> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let is_there = versions
        .map(|version| version.path().join("bin"))
        .any(|programs| programs.join("initdb").is_file() && programs.join("pgbench").is_file());
    let missing: &[&str] = if is_there { &[] } else { &["postgresql"] };
    install(workspace, missing)
}

fn install(workspace: &Workspace, missing: &[&str]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    let user = process::output(&mut process::command(&workspace.root, "id -u")?)?;
    if user.trim() != "0" {
        bail!("Debian packages are missing; install them as root: apt-get install {packages}");
    }
    process::run(&mut process::command(&workspace.root, "apt-get update --quiet")?)?;
    let install = format!("apt-get install --quiet --yes --no-install-recommends {packages}");
    process::run(
        process::command(&workspace.root, &install)?.env("DEBIAN_FRONTEND", "noninteractive"),
    )
    .with_context(|| format!("cannot install the Debian packages {packages}"))
}

fn npm(workspace: &Workspace, folder: &str) -> Result<()> {
    let folder = workspace.root.join(folder);
    let lock = read(&folder.join("package-lock.json"))?;
    once(&folder.join("node_modules/.installed"), &lock, || {
        let mut install = process::command(&workspace.root, "npm ci --no-audit --no-fund")?;
        process::run(install.current_dir(&folder))
    })
}

/// Built without optimization: it runs for two seconds, and compiles in one minute.
fn cargo_deny(workspace: &Workspace) -> Result<()> {
    let installed = process::command(&workspace.root, "target/tools/bin/cargo-deny --version")
        .and_then(|mut deny| process::output(&mut deny))
        .is_ok_and(|version| version.trim().ends_with(&format!(" {CARGO_DENY_VERSION}")));
    if installed {
        return Ok(());
    }
    let line = format!(
        "cargo install --locked --debug --root target/tools --version {CARGO_DENY_VERSION} cargo-deny"
    );
    // Cargo builds it in a temporary folder and leaves only the program.
    process::run(process::command(&workspace.root, &line)?.env("CARGO_PROFILE_DEV_DEBUG", "0"))
}

/// Installs unless `mark` says that just this was installed; writes the mark after success only.
fn once(mark: &Path, what: &str, install: impl FnOnce() -> Result<()>) -> Result<()> {
    if fs::read_to_string(mark).is_ok_and(|installed| installed == what) {
        return Ok(());
    }
    install()?;
    if let Some(folder) = mark.parent() {
        // `npm ci` makes no folder for a package without dependencies.
        fs::create_dir_all(folder)?;
    }
    fs::write(mark, what).with_context(|| format!("cannot write {}", mark.display()))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn installs_once_for_each_content_and_again_after_a_failure() {
        let folder = std::env::temp_dir().join(format!("xtask-once-{}", std::process::id()));
        let mark = folder.join("made/.installed");
        let mut runs = 0;
        let mut install = |what: &str, works: bool| {
            let _ = once(&mark, what, || {
                runs += 1;
                if works { Ok(()) } else { Err(anyhow!("no")) }
            });
            runs
        };
        assert_eq!(install("a", false), 1);
        assert_eq!(install("a", true), 2);
        assert_eq!(install("a", true), 2);
        assert_eq!(install("b", true), 3);
        fs::remove_dir_all(folder).unwrap();
    }
}
