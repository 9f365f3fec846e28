//! Real processes: a node under full load is killed at any moment, again and again, and every
//! acknowledged batch is looked for afterwards.
//!
//! This proves the order of write, sync and answer in the whole program, threads included, and
//! recovery after it. It proves nothing about power loss: the system keeps the pages of a killed
//! process. The simulated lives are for that.

mod batches;
mod child;
mod parent;
mod wait;

pub use child::work;
pub use parent::{Killed, rounds};

/// First word of the child's command line.
pub const CHILD: &str = "kill-child";
