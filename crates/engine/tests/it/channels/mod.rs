//! Channels, from opening to closing, through the engine as callers hold it.

mod life;
pub mod parts;
