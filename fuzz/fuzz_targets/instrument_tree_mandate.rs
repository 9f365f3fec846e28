//! The target `instrument_tree_mandate` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::target("instrument_tree_mandate")(bytes);
});
