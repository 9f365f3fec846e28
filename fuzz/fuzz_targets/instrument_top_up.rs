//! The target `instrument_top_up` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::target("instrument_top_up")(bytes);
});
