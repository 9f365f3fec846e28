//! The target `engine_snapshot` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::target("engine_snapshot")(bytes);
});
