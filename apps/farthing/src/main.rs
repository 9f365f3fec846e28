//! farthing
fn main() {}
