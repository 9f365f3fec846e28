//! The target `ledger_rows` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::target("ledger_rows")(bytes);
});
