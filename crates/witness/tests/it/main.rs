//! The witness from outside: every answer, no way back under any order, crash or kill, and a log's
//! client against good, slow, dead and lying witnesses.

#![expect(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod answers;
mod clients;
mod evidence;
mod liars;
mod orders;
mod power;
mod state;
mod world;
