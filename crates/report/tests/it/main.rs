//! The read model beside naive sums and lists.

#![expect(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod follows;
mod income;
mod lists;
mod statements;
mod world;
