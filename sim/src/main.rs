//! `sim`: whole lives of a node from a seed, with everything that can go wrong.
#![expect(clippy::print_stdout, reason = "a command line tool talks on standard output")]
mod curiosity;
mod oracle;
mod plan;
mod purchases;
mod question;
mod random;
mod request;
mod workload;
fn main() {
    println!("soon");
}
