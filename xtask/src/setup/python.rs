//! Python environments: those with the machine's own Python, apart where packages do not agree, and one
//! with a newer Python for the checkers of logs, which need it.
//!
//! Invariant: a machine without a new enough Python is an error that says what to install; the
//! checkers are never left out.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::{install, once, read};
use crate::Workspace;
use crate::process;

const FOLDER: &str = "tests/foreign/python";
const PACKAGING: &str = "tests/packaging";

/// What the checkers need of the interpreter: its version and what makes an environment.
const IS_NEW_ENOUGH: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))";
const NEW_ENOUGH: &str = "Python 3.12 or newer";
const NAMES: [&str; 4] = ["python3.14", "python3.13", "python3.12", "python3"];
/// Debian packages of which one may be known to the machine.
const DEBIAN: [&str; 2] = ["python3.13", "python3.12"];

/// Makes them all.
pub(super) fn environments(workspace: &Workspace) -> Result<()> {
    let usual = || Ok(PathBuf::from("python3"));
    environment(workspace, "venv", &format!("{FOLDER}/requirements.txt"), usual)?;
    environment(workspace, "venv-api", &format!("{FOLDER}/requirements-api.txt"), usual)?;
    environment(workspace, "venv-mcp", &format!("{FOLDER}/requirements-mcp.txt"), usual)?;
    environment(workspace, "venv-packaging", &format!("{PACKAGING}/requirements.txt"), usual)?;
    let of_log = format!("{FOLDER}/requirements-log.txt");
    environment(workspace, "venv-log", &of_log, || newer_python(workspace))
}

fn environment(
    workspace: &Workspace,
    name: &str,
    requirements: &str,
    python: impl FnOnce() -> Result<PathBuf>,
) -> Result<()> {
    let pinned = read(&workspace.root.join(requirements))?;
    once(&workspace.root.join(format!("target/{name}/.installed")), &pinned, || {
        let mut make = Command::new(python()?);
        make.args(["-m", "venv", "--clear"]).arg(format!("target/{name}"));
        process::run(make.current_dir(&workspace.root))?;
        let line =
            format!("target/{name}/bin/python -m pip install --quiet --requirement {requirements}");
        process::run(&mut process::command(&workspace.root, &line)?)
    })
}

/// A new enough interpreter; Debian's is installed if it has one and the machine has none.
fn newer_python(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(found) = candidates().into_iter().find(|python| is_new_enough(python)) {
        return Ok(found);
    }
    for package in DEBIAN {
        let venv = format!("{package}-venv");
        let python = PathBuf::from(package);
        let is_there = is_known(workspace, package)
            && install(workspace, &[package, &venv]).is_ok()
            && is_new_enough(&python);
        if is_there {
            return Ok(python);
        }
    }
    bail!(
        "the checkers of logs need {NEW_ENOUGH} with venv: neither PATH nor pyenv nor Debian has it; \
         install it and name it python3.12 or python3.13"
    )
}

/// Where an interpreter may be: on `PATH`, then with pyenv, the newest first.
fn candidates() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = NAMES.iter().map(PathBuf::from).collect();
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv"));
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or(home);
    let versions = pyenv.map(|pyenv| pyenv.join("versions"));
    let versions = versions.and_then(|versions| std::fs::read_dir(versions).ok());
    let mut installed: Vec<PathBuf> =
        versions.into_iter().flatten().flatten().map(|version| version.path()).collect();
    installed.sort();
    found.extend(installed.into_iter().rev().map(|version| version.join("bin/python3")));
    found
}

fn is_new_enough(python: &Path) -> bool {
    let mut asked = Command::new(python);
    process::output(asked.args(["-c", IS_NEW_ENOUGH])).is_ok()
}

fn is_known(workspace: &Workspace, package: &str) -> bool {
    let policy = process::command(&workspace.root, &format!("apt-cache show {package}"));
    policy.and_then(|mut policy| process::output(&mut policy)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_interpreter_is_not_new_enough() {
        assert!(!is_new_enough(Path::new("/no/such/python")));
        // It knows no `-c` with this text.
        assert!(!is_new_enough(Path::new("false")));
        assert!(candidates().len() >= NAMES.len());
    }
}
