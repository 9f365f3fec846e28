//! The target `evidence_opening` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::target("evidence_opening")(bytes);
});
