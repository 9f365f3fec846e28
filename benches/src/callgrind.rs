//! Instructions of a program, counted by valgrind's callgrind: the same on a busy machine.
//!
//! Counts hold for user space and for one run of the whole program. The cost of one request is the
//! difference of two runs of different length, divided by the difference in requests: start-up and
//! shutdown cancel out. The program must end by itself or on SIGINT.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

/// Environment variable with a folder in which the counts of each run are kept, for
/// `callgrind_annotate` and its like.
const KEEP: &str = "FARTHING_BENCH_KEEP";

/// What one run cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// All instructions.
    pub total: u64,
    /// Instructions of each function with those it called, most expensive first.
    pub functions: Vec<(String, u64)>,
}

impl Profile {
    /// Inclusive instructions of the most expensive function whose name contains `part`.
    pub fn inclusive(&self, part: &str) -> Option<u64> {
        self.functions.iter().find(|(name, _)| name.contains(part)).map(|(_, count)| *count)
    }
}

/// A program under callgrind.
pub struct Counted {
    child: Child,
    output: tempfile::TempDir,
}

impl Counted {
    /// Starts `program`; all threads are counted. It runs some fifty times slower than usual.
    pub fn start(program: &Path, arguments: &[&str]) -> Result<Self> {
        let output = tempfile::tempdir()?;
        let child = Command::new("valgrind")
            .args(["--tool=callgrind", "--quiet"])
            .arg(format!("--callgrind-out-file={}", output.path().join("out").display()))
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start valgrind")?;
        Ok(Self { child, output })
    }

    /// Asks the program to end, as a supervisor does, and reads the counts. An interrupt from the
    /// keyboard would be ignored by what a shell runs in the background.
    pub fn interrupt(self) -> Result<Profile> {
        let line = format!("kill -TERM {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &line]).status()?;
        if !sent.success() {
            bail!("cannot interrupt the counted program");
        }
        self.finish()
    }

    /// Waits until the program ends by itself and reads the counts.
    pub fn finish(mut self) -> Result<Profile> {
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the counted program ended with {status}");
        }
        let output = self.output.path().join("out");
        if let Some(folder) = std::env::var_os(KEEP) {
            let name = format!("callgrind.out.{}", self.child.id());
            std::fs::copy(&output, Path::new(&folder).join(name))
                .with_context(|| format!("cannot keep the counts in {KEEP}"))?;
        }
        let annotated = Command::new("callgrind_annotate")
            .args(["--inclusive=yes", "--threshold=100", "--auto=no"])
            .arg(output)
            .output()
            .context("cannot start callgrind_annotate")?;
        if !annotated.status.success() {
            bail!("callgrind_annotate ended with {}", annotated.status);
        }
        parse(&String::from_utf8_lossy(&annotated.stdout))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // Already ended in the good case; both calls only report that.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the table that `callgrind_annotate --inclusive=yes` prints: a count with thousands commas,
/// a share in parentheses, then file, function and object.
fn parse(text: &str) -> Result<Profile> {
    let mut total = None;
    let mut functions = Vec::new();
    for line in text.lines() {
        let Some((count, what)) = row(line) else {
            continue;
        };
        if what == "PROGRAM TOTALS" {
            total = Some(count);
        } else {
            functions.push((what.to_owned(), count));
        }
    }
    let total = total.context("callgrind_annotate printed no totals")?;
    if functions.is_empty() {
        bail!("callgrind_annotate printed no functions");
    }
    functions.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    Ok(Profile { total, functions })
}

fn row(line: &str) -> Option<(u64, &str)> {
    let (count, rest) = line.trim_start().split_once(' ')?;
    let (share, what) = rest.trim_start().strip_prefix('(')?.split_once(')')?;
    share.trim().strip_suffix('%')?;
    Some((count.replace(',', "").parse().ok()?, what.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_table_is_read() {
        let text = "Profile data file\n\
            Ir                     \n\
            --------------------\n\
            1,234,567 (100.0%)  PROGRAM TOTALS\n\
            \n\
             Ir                    file:function\n\
               34,567 ( 2.80%)  src/a.rs:ledger::post [/bin/x]\n\
            1,000,000 (81.00%)  ???:main [/bin/x]\n";
        let profile = parse(text).unwrap();
        assert_eq!(profile.total, 1_234_567);
        assert_eq!(profile.functions[0].1, 1_000_000);
        assert_eq!(profile.inclusive("ledger::post"), Some(34_567));
        assert_eq!(profile.inclusive("absent"), None);
        assert!(parse("nothing").is_err());
    }
}
