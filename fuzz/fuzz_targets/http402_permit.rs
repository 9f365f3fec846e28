//! The target `http402_permit` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::target("http402_permit")(bytes);
});
