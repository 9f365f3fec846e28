//! Metered delivery.

mod clock;
mod events;
mod flow;
mod funds;
mod outlet;
mod pieces;
#[cfg(test)]
mod tests;
