//! Secrets at rest: a node whose folder is sealed with a key file that lies elsewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::{World, code, expect, farthing, fsck, restore, run, said};

const NAMES: [&str; 5] = ["node.key", "operator.token", "gateway.token", "log.key", "seal.key"];

struct Sealed {
    world: World,
    key: PathBuf,
}

impl Sealed {
    fn new() -> Self {
        let world = World::new();
        let key = world.path("outside.key");
        expect(&run(farthing().arg("seal").arg("new").arg(&key)), 0, &["keep a copy"]);
        Self { world, key }
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.world.data.join(name)).unwrap()
    }

    /// Runs a command with the key file and the data folder.
    fn run(&self, key: &Path, args: &[&str]) -> std::process::Output {
        let mut command = self.command(args);
        run(command.arg("--seal-key").arg(key))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = farthing();
        command.args(args).arg("--data").arg(&self.world.data);
        command
    }

    /// Starts with the key file, as the configuration names it.
    fn name_key(&self) {
        let path = self.world.path("farthing.toml");
        let text = fs::read_to_string(&path).unwrap();
        let line = format!("[node]\nseal_key_file = {:?}", self.key.to_str().unwrap());
        fs::write(path, text.replacen("[node]", &line, 1)).unwrap();
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn assert_hidden(folder: &Path, secrets: &[String]) {
    for path in files(folder) {
        let bytes = fs::read(&path).unwrap();
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "a secret lies in {}", path.display());
        }
    }
}

#[test]
fn a_folder_is_sealed_at_the_first_start_with_a_key_file_and_opens_with_it_alone() {
    let sealed = Sealed::new();
    sealed.world.start(&sealed.world.data).stop();
    let secrets: Vec<String> =
        NAMES.iter().map(|name| sealed.text(name).trim().to_owned()).collect();
    sealed.name_key();
    let node = sealed.world.start(&sealed.world.data);
    assert_hidden(&sealed.world.data, &secrets);
    for (name, secret) in NAMES.iter().zip(&secrets) {
        assert!(sealed.text(name).starts_with("seal1."), "{name}");
        let opened = sealed.run(&sealed.key, &["seal", "open", name]);
        assert_eq!(String::from_utf8(opened.stdout).unwrap().trim(), secret);
    }
    expect(&run(&mut sealed.command(&["accounts"])), 1, &["is sealed", "--seal-key"]);
    expect(&sealed.run(&sealed.key, &["accounts"]), 0, &[]);

    let copy = sealed.world.path("copy");
    let to = copy.to_str().unwrap();
    expect(&run(&mut sealed.command(&["backup", "--to", to])), 1, &["is sealed"]);
    expect(&sealed.run(&sealed.key, &["backup", "--to", to]), 0, &["keep the key file"]);
    assert_hidden(&copy, &secrets);
    assert_eq!(fsck(&copy).0, 0);
    expect(&restore(&copy, &sealed.world.path("back")), 0, &["node.key is sealed"]);
    node.stop();
    sealed.world.start(&sealed.world.path("back")).stop();
}

#[test]
fn a_start_without_the_right_key_file_changes_nothing() {
    let sealed = Sealed::new();
    let plain = fs::read_to_string(sealed.world.path("farthing.toml")).unwrap();
    sealed.name_key();
    sealed.world.start(&sealed.world.data).stop();
    let before: Vec<String> = NAMES.iter().map(|name| sealed.text(name)).collect();

    let serve = |words: &[&str]| {
        expect(&run(&mut sealed.world.serve(&sealed.world.data)), 1, words);
        let after: Vec<String> = NAMES.iter().map(|name| sealed.text(name)).collect();
        assert_eq!(after, before);
    };
    let key = fs::read(&sealed.key).unwrap();
    fs::remove_file(&sealed.key).unwrap();
    serve(&["outside.key: No such file"]);
    expect(&run(farthing().arg("seal").arg("new").arg(&sealed.key)), 0, &[]);
    expect(&run(farthing().arg("seal").arg("new").arg(&sealed.key)), 1, &["is there already"]);
    serve(&["node.key does not open with this key file"]);
    run(Command::new("chmod").arg("640").arg(&sealed.key));
    serve(&["is open to others", "chmod 600"]);
    run(Command::new("chmod").arg("600").arg(&sealed.key));
    fs::write(&sealed.key, &key).unwrap();
    fs::write(sealed.world.path("farthing.toml"), &plain).unwrap();
    serve(&["node.key is sealed", "seal_key_file"]);
    let inside = plain.replacen("[node]", "[node]\nseal_key_file = \"data/seal.key\"", 1);
    fs::write(sealed.world.path("farthing.toml"), inside).unwrap();
    let mut command = sealed.world.serve(&sealed.world.data);
    let refused = run(command.current_dir(sealed.world.dir.path()));
    expect(&refused, 1, &["lies in the data folder"]);
}

#[test]
fn a_stopped_node_gets_another_key_file() {
    let sealed = Sealed::new();
    sealed.name_key();
    let node = sealed.world.start(&sealed.world.data);
    let new = sealed.world.path("new.key");
    expect(&run(farthing().arg("seal").arg("new").arg(&new)), 0, &[]);
    let rotate = ["seal", "rotate", "--new", new.to_str().unwrap()];
    expect(&sealed.run(&sealed.key, &rotate), 1, &["a node runs on"]);
    node.stop();
    let secret = sealed.run(&sealed.key, &["seal", "open", "node.key"]).stdout;
    for _ in 0..2 {
        let rotated = sealed.run(&sealed.key, &rotate);
        assert_eq!(code(&rotated), 0, "{}", said(&rotated));
    }
    assert_eq!(sealed.run(&new, &["seal", "open", "node.key"]).stdout, secret);
    expect(&sealed.run(&sealed.key, &["seal", "open", "node.key"]), 1, &["does not open"]);
    fs::rename(&new, &sealed.key).unwrap();
    sealed.world.start(&sealed.world.data).stop();
}
