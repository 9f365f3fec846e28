//! A database cluster of its own in a temporary folder, on the loopback address.
//!
//! Invariants: no cluster of the machine is touched; the server is stopped when its value is dropped.
//! It refuses to run as root, so root starts it as Debian's user `postgres`.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use benches::disk::scratch;
use tempfile::TempDir;

/// Where Debian puts each version.
const VERSIONS: &str = "/usr/lib/postgresql";
const USER: &str = "postgres";
/// Beside the defaults. Commits are durable, as ours are.
const SETTINGS: &str = "shared_buffers=1GB max_wal_size=4GB fsync=on synchronous_commit=on \
                        unix_socket_directories= listen_addresses=127.0.0.1";

/// A running cluster.
pub(crate) struct Cluster {
    programs: PathBuf,
    folder: TempDir,
    owner: Option<(u32, u32)>,
    port: u16,
}

impl Cluster {
    /// Makes and starts it.
    pub(crate) fn start() -> Result<Self> {
        let programs = programs(Path::new(VERSIONS))?;
        let folder = scratch()?;
        let owner = if std::fs::metadata("/proc/self")?.uid() == 0 { Some(owner()?) } else { None };
        if let Some((user, group)) = owner {
            chown(folder.path(), Some(user), Some(group)).context("cannot give the folder away")?;
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let cluster = Self { programs, folder, owner, port };
        let data = cluster.data();
        cluster
            .run("initdb", &["--auth=trust", "--username=bench", "--encoding=UTF8", "-D", &data])?;
        let settings = format!(" {SETTINGS} port={port}").replace(' ', " -c ");
        let log = cluster.file("log");
        cluster.run("pg_ctl", &["start", "-w", "-D", &data, "-l", &log, "-o", &settings])?;
        Ok(cluster)
    }

    /// Of the server, as it says it itself.
    pub(crate) fn version(&self) -> Result<String> {
        self.query("SHOW server_version")
    }

    /// Runs SQL and takes its one value.
    pub(crate) fn query(&self, sql: &str) -> Result<String> {
        let port = self.port.to_string();
        let words = ["-h", "127.0.0.1", "-p", &port, "-U", "bench", "-d", "postgres"];
        let more = ["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", sql];
        let text = self.run("psql", &[&words[..], &more].concat())?;
        Ok(text.trim().to_owned())
    }

    /// Runs `pgbench` with this script and takes what it printed.
    pub(crate) fn load(&self, script: &str, words: &[&str]) -> Result<String> {
        let path = self.file("script.sql");
        std::fs::write(&path, script).context("cannot write the script")?;
        let port = self.port.to_string();
        let fixed = ["-n", "-M", "prepared", "-h", "127.0.0.1", "-p", &port, "-U", "bench"];
        self.run("pgbench", &[&fixed[..], &["-f", &path], words, &["postgres"]].concat())
    }

    fn data(&self) -> String {
        self.file("data")
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn run(&self, program: &str, words: &[&str]) -> Result<String> {
        let mut command = Command::new(self.programs.join(program));
        command.args(words).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("PGOPTIONS", "-c client_min_messages=warning");
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        // A server that goes on in the background would keep a pipe open for ever.
        let said = self.folder.path().join("said");
        let errors = self.folder.path().join("errors");
        let to_file = |path: &Path| std::fs::File::create(path);
        let status = command.stdout(to_file(&said)?).stderr(to_file(&errors)?).status();
        let status = status.with_context(|| format!("cannot start `{program}`"))?;
        if !status.success() {
            let errors = std::fs::read_to_string(errors)?;
            bail!("`{program}` ended with {status}: {}", errors.trim());
        }
        std::fs::read_to_string(said).context("cannot read what the program said")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A server that is not running, because it never started, needs no stop.
        let _ = self.run("pg_ctl", &["stop", "-w", "-m", "immediate", "-D", &self.data()]);
    }
}

/// Folder with the programs of the newest version.
fn programs(versions: &Path) -> Result<PathBuf> {
    let found = std::fs::read_dir(versions).into_iter().flatten().flatten();
    let numbered = found.filter_map(|entry| {
        let number: u32 = entry.file_name().to_str()?.parse().ok()?;
        let programs = entry.path().join("bin");
        let all = ["initdb", "pg_ctl", "pgbench", "psql"];
        all.iter().all(|name| programs.join(name).is_file()).then_some((number, programs))
    });
    let newest = numbered.max_by_key(|(number, _)| *number).map(|(_, programs)| programs);
    newest.with_context(|| {
        format!(
            "PostgreSQL is not installed below {}; as root: apt-get install postgresql",
            versions.display()
        )
    })
}

/// User and group that own the server when root starts it.
fn owner() -> Result<(u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd")?;
    entry(&users, USER).with_context(|| format!("there is no user `{USER}` to run the server"))
}

fn entry(users: &str, name: &str) -> Option<(u32, u32)> {
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut numbers = line.split(':').skip(2);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_server_says_what_to_install() {
        let empty = tempfile::tempdir().unwrap();
        let error = programs(empty.path()).unwrap_err().to_string();
        assert!(error.contains("apt-get install postgresql"), "{error}");
        for (version, names) in [("9", 4), ("16", 4), ("17", 2)] {
            let bin = empty.path().join(version).join("bin");
            std::fs::create_dir_all(&bin).unwrap();
            for name in ["initdb", "pg_ctl", "pgbench", "psql"].iter().take(names) {
                std::fs::write(bin.join(name), "").unwrap();
            }
        }
        assert_eq!(programs(empty.path()).unwrap(), empty.path().join("16/bin"));
    }

    #[test]
    fn users_are_read() {
        let users = "postgresql:x:1:2::/:/\npostgres:x:101:104:a,,,:/var:/bin/bash\n";
        assert_eq!(entry(users, "postgres"), Some((101, 104)));
        assert_eq!(entry(users, "root"), None);
    }
}
