//! Black-box tests of the dialect codecs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod channels;
mod fixture;
mod golden;
mod headers;
mod hostile;
mod malformed;
mod services;
mod terms;
