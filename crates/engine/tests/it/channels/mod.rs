//! Channels, from opening to closing, through the engine as callers hold it.

mod books;
mod closing;
mod life;
mod limits;
mod mixture;
pub mod parts;
mod refusals;
mod requests;
