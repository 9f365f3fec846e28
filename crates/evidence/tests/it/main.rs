//! Evidence from outside: bytes against their definitions, refusals, every flipped bit, hostile
//! bytes.

#![expect(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod books;
mod epochs;
mod ledgers;
mod opening_vectors;
mod receipts;
mod receipts_refused;
mod records;
mod statements;
mod statements_refused;
mod vectors;
