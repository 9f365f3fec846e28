//! Black-box tests of the dialect codecs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod channels;
mod crawler;
mod fixture;
mod golden;
mod headers;
mod hostile;
mod malformed;
mod mpp;
mod services;
mod terms;
