//! The names on a simulated disk: as programs see them, as they are on the disk, and the changes
//! between the two, which wait for a sync of their folder.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::random::Random;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Folder,
    /// The file with this number.
    File(u64),
}

type Tree = BTreeMap<PathBuf, Node>;

#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    now: Tree,
    durable: Tree,
    waiting: Vec<Change>,
}

/// One step that happens whole or not at all.
#[derive(Debug, Clone)]
struct Change {
    gone: Option<PathBuf>,
    there: Option<(PathBuf, Node)>,
}

/// The path without what adds nothing to it, so that one place has one path.
pub(super) fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

impl Names {
    pub(super) fn get(&self, path: &Path) -> Option<Node> {
        if is_root(path) { Some(Node::Folder) } else { self.now.get(path).copied() }
    }

    pub(super) fn file(&self, path: &Path) -> io::Result<u64> {
        match self.get(path) {
            Some(Node::File(number)) => Ok(number),
            Some(Node::Folder) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn is_folder(&self, path: &Path) -> bool {
        self.get(path) == Some(Node::Folder)
    }

    pub(super) fn check_folder(&self, path: &Path) -> io::Result<()> {
        match self.get(path) {
            Some(Node::Folder) => Ok(()),
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn list(&self, folder: &Path) -> Vec<PathBuf> {
        let within = |path: &&PathBuf| path.parent() == Some(folder);
        self.now.keys().filter(within).cloned().collect()
    }

    /// All files, by their paths.
    pub(super) fn files(&self) -> impl Iterator<Item = (&PathBuf, u64)> {
        self.now.iter().filter_map(|(path, node)| match node {
            Node::File(number) => Some((path, *number)),
            Node::Folder => None,
        })
    }

    pub(super) fn add(&mut self, path: &Path, node: Node) {
        self.change(Change { gone: None, there: Some((path.to_owned(), node)) });
    }

    pub(super) fn remove(&mut self, path: &Path) {
        self.change(Change { gone: Some(path.to_owned()), there: None });
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path, number: u64) {
        let there = Some((to.to_owned(), Node::File(number)));
        self.change(Change { gone: Some(from.to_owned()), there });
    }

    fn change(&mut self, change: Change) {
        change.clone().reach(&mut self.now);
        self.waiting.push(change);
    }

    pub(super) fn sync(&mut self, folder: &Path) {
        for change in std::mem::take(&mut self.waiting) {
            if change.folder() == Some(folder) {
                change.reach(&mut self.durable);
            } else {
                self.waiting.push(change);
            }
        }
    }

    /// What waits in the folder is given up as far as the seed wants it.
    pub(super) fn fail_sync(&mut self, folder: &Path, random: &mut Random) {
        for change in std::mem::take(&mut self.waiting) {
            if change.folder() != Some(folder) {
                self.waiting.push(change);
            } else if random.coin() {
                change.reach(&mut self.durable);
            }
        }
    }

    /// What a start after a power loss finds.
    pub(super) fn crashed(&self, random: &mut Random) -> Self {
        let mut tree = self.durable.clone();
        let mood = random.below(4);
        let kept = random.below(self.waiting.len() as u64 + 1);
        for (index, change) in (0_u64..).zip(&self.waiting) {
            let keep = match mood {
                0 => false,
                1 => true,
                // A journalling file system keeps what happened before a moment.
                2 => index < kept,
                _ => random.coin(),
            };
            if keep {
                change.clone().reach(&mut tree);
            }
        }
        // What lies in a folder whose own name was lost cannot be reached.
        let mut reached = Tree::new();
        for (path, node) in tree {
            let above = path.parent().unwrap_or(Path::new(""));
            if is_root(above) || reached.get(above) == Some(&Node::Folder) {
                reached.insert(path, node);
            }
        }
        Self { durable: reached.clone(), now: reached, waiting: Vec::new() }
    }

    /// The files that have a name now or may have one after a power loss.
    pub(super) fn named(&self) -> BTreeSet<u64> {
        let waiting = self.waiting.iter().filter_map(|change| change.there.as_ref());
        let nodes = self.now.values().chain(self.durable.values());
        nodes
            .chain(waiting.map(|(_, node)| node))
            .filter_map(|node| match node {
                Node::File(number) => Some(*number),
                Node::Folder => None,
            })
            .collect()
    }
}

impl Change {
    fn folder(&self) -> Option<&Path> {
        let there = self.there.as_ref().map(|(path, _)| path);
        there.or(self.gone.as_ref())?.parent()
    }

    fn reach(self, tree: &mut Tree) {
        if let Some(path) = self.gone {
            tree.remove(&path);
        }
        tree.extend(self.there);
    }
}

fn is_root(path: &Path) -> bool {
    path.parent().is_none()
}
