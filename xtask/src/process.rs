//! Other programs: shown as they are started, judged by their exit status.
//!
//! Invariant: a program that cannot be started, or ends with a failure, is an error that names it.
//! A program that is left running ends with its owner.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A program with its arguments; a program path with a `/` starts at the repository's root.
pub(crate) fn command(root: &Path, line: &str) -> Result<Command> {
    let mut words = line.split_whitespace();
    let program = words.next().context("an empty command line")?;
    let mut command = if program.contains('/') {
        Command::new(root.join(program))
    } else {
        Command::new(program)
    };
    command.args(words).current_dir(root);
    Ok(command)
}

/// Runs to the end with our own output streams.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    println!("$ {shown}");
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` ended with {status}");
    }
    Ok(())
}

/// Runs to the end and takes what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{shown}` ended with {}: {}", output.status, said.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` wrote no UTF-8"))
}

/// Whether a program of this name is found on `PATH`.
pub(crate) fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    })
}

/// Seconds with one decimal, for people.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{}.{} s", duration.as_secs(), duration.subsec_millis() / 100)
}

fn show(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

/// A program in the background; it is killed when this value goes away.
pub(crate) struct Background(Child);

impl Background {
    /// Starts it; what it says goes to standard error, out of the way of results.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let shown = show(command);
        println!("$ {shown} &");
        let child = command
            .stdin(Stdio::null())
            .stdout(std::io::stderr())
            .spawn()
            .with_context(|| format!("cannot start `{shown}`"))?;
        Ok(Self(child))
    }

    /// Fails if the program has ended.
    pub(crate) fn still_runs(&mut self) -> Result<()> {
        match self.0.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the program in the background ended early with {status}"),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Already gone is as good as killed: both calls only report that.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_or_missing_program_is_an_error_that_names_it() {
        let root = Path::new("/");
        let failed = run(&mut command(root, "false now").unwrap()).unwrap_err().to_string();
        assert!(failed.starts_with("`false now` ended with"), "{failed}");
        let missing = output(&mut command(root, "no-such-program").unwrap()).unwrap_err();
        assert_eq!(missing.to_string(), "cannot start `no-such-program`");
        assert!(run(&mut command(root, "true").unwrap()).is_ok());
        assert!(on_path("true") && !on_path("no-such-program"));
    }

    #[test]
    fn a_background_program_ends_with_its_owner() {
        let mut sleeper =
            Background::start(&mut command(Path::new("/"), "sleep 60").unwrap()).unwrap();
        sleeper.still_runs().unwrap();
        let process = format!("/proc/{}/stat", sleeper.0.id());
        assert!(Path::new(&process).exists());
        drop(sleeper);
        assert!(!Path::new(&process).exists());
    }
}
