//! Whom to believe: keys and policies that the command line names.
//!
//! Invariant: nothing is believed that was not named, unless the caller says where else it comes
//! from.

use std::path::Path;

use tlog::VerifierKey;
use tlog::policy::{POLICY_BYTES_MAX, Policy};

use crate::cli::TrustArgs;
use crate::failure::Failure;

const OUT_OF_BAND: &str = "get the log's key from somewhere else than the log: the operator's web \
                           site, a contract, somebody who knows it; a node shows its own at \
                           /log/policy, which proves nothing by itself";

/// The policy that was named.
pub(crate) fn policy(args: &TrustArgs) -> Result<Policy, Failure> {
    policy_or(args)?.ok_or_else(|| {
        Failure::usage("whom to believe is not known: name --log VKEY or --policy FILE")
            .with_hint(OUT_OF_BAND)
    })
}

/// The policy that was named, if one was.
pub(crate) fn policy_or(args: &TrustArgs) -> Result<Option<Policy>, Failure> {
    match &args.policy {
        Some(path) => read(path).map(Some),
        None if args.log.is_empty() => Ok(None),
        None => of_keys(&args.log).map(Some),
    }
}

fn read(path: &Path) -> Result<Policy, Failure> {
    let shown = path.display();
    let bytes = std::fs::read(path)
        .map_err(|cause| Failure::new(format!("the policy {shown} cannot be read: {cause}")))?;
    if bytes.len() > POLICY_BYTES_MAX {
        return Err(Failure::usage(format!("{shown} is too long for a policy")));
    }
    Policy::parse(&bytes).map_err(|why| {
        Failure::usage(format!("{shown}: {why} ({})", why.code()))
            .with_hint("a file with nothing but a vkey is none; name the vkey itself with --log")
    })
}

/// Logs without witnesses.
fn of_keys(keys: &[String]) -> Result<Policy, Failure> {
    let mut lines = Vec::new();
    for key in keys.iter().map(|key| key.trim()) {
        let wrong = |why: &dyn std::fmt::Display| {
            Failure::usage(format!("`{key}` is not the key of a log: {why}"))
                .with_hint("a vkey has the form name+id+key")
        };
        VerifierKey::parse(key).map_err(|why| wrong(&why))?;
        lines.push(format!("log {key}\n"));
    }
    lines.push("quorum none\n".to_owned());
    Policy::parse(lines.concat().as_bytes()).map_err(|why| {
        Failure::usage(format!("these are not keys of logs: {why} ({})", why.code()))
    })
}
