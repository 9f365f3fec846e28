//! The target `evidence_receipt` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::target("evidence_receipt")(bytes);
});
