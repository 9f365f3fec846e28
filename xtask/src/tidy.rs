//! `cargo xtask tidy`: the repository's own rules, and its size table.
//!
//! Each rule is a pure function from file texts to findings (`path:line: what is wrong`). Files are
//! those that git tracks or would track. A rule must not change a file.

mod edges;
mod limits;
mod lints;
mod sources;
mod table;
mod threats;
mod words;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::{Workspace, process};

/// Crates that must work without the standard library.
const NO_STD: &[&str] = &["money", "instrument"];

/// A text file of the repository.
pub(crate) struct File {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    fn extension(&self) -> &str {
        Path::new(&self.path).extension().and_then(|ext| ext.to_str()).unwrap_or_default()
    }

    fn is_rust(&self) -> bool {
        self.extension() == "rs"
    }

    /// Written by people in a programming language; the built pages are not.
    fn is_source(&self) -> bool {
        const LANGUAGES: &[&str] = &["rs", "ts", "tsx", "js", "mjs", "py"];
        LANGUAGES.contains(&self.extension()) && !self.path.starts_with("web/dist/")
    }
}

/// Prints the size table and every finding; fails if there is a finding.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let files = files(&workspace.root)?;
    println!("{}", table::render(&files));
    let mut findings = Vec::new();
    for file in &files {
        findings.extend(sources::check(file));
        findings.extend(words::check(file));
        findings.extend(lints::check(file));
    }
    findings.extend(limits::check(&files));
    findings.extend(threats::check(&files));
    findings.extend(edges::check(workspace, &files)?);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => bail!("1 finding"),
        count => bail!("{count} findings"),
    }
}

/// Fails unless the crates that must carry `#![no_std]` do, unconditionally.
pub(crate) fn no_std(workspace: &Workspace) -> Result<()> {
    for name in NO_STD {
        let path = format!("crates/{name}/src/lib.rs");
        let text = fs::read_to_string(workspace.root.join(&path))
            .with_context(|| format!("cannot read {path}"))?;
        let has = |wanted: &str| text.lines().any(|line| line.trim_end() == wanted);
        if !has("#![no_std]") || has("extern crate std;") {
            bail!("{path} must carry #![no_std] and no `extern crate std`");
        }
    }
    Ok(())
}

fn files(root: &Path) -> Result<Vec<File>> {
    let line = "git ls-files --cached --others --exclude-standard";
    let list = process::output(&mut process::command(root, line)?)?;
    let mut files = Vec::new();
    for path in list.lines() {
        // Not UTF-8, a picture for example: no rule applies. Deleted but still tracked: the same.
        if let Ok(text) = fs::read_to_string(root.join(path)) {
            files.push(File { path: path.to_owned(), text });
        }
    }
    if files.is_empty() {
        bail!("git lists no files");
    }
    Ok(files)
}

#[cfg(test)]
pub(crate) fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}
