//! Names under which a site or the node is reached, as the file says them.

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::check::Key;
use crate::hosts::host_name;

/// One name or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum HostsSection {
    /// `host = "news.example"`
    One(String),
    /// `host = ["news.example", "www.news.example"]`
    Many(Vec<String>),
}

impl Default for HostsSection {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl HostsSection {
    pub(super) fn is_empty(&self) -> bool {
        self.names().is_empty()
    }

    fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
        }
    }

    /// The names as requests are compared with them.
    pub(super) fn check(&self, key: &Key<'_>) -> Result<Vec<String>, ConfigError> {
        let mut checked = Vec::new();
        for text in self.names() {
            let name = host_name(text).filter(|name| name.eq_ignore_ascii_case(text));
            let Some(name) = name else {
                let hint = "write the name alone, for example \"news.example\"";
                return Err(key.error(format!("`{text}` is no name of a host"), hint));
            };
            if checked.contains(&name) {
                return Err(key.error(format!("`{name}` stands twice"), "name each host once"));
            }
            checked.push(name);
        }
        Ok(checked)
    }
}
