//! The target `engine_batch` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::target("engine_batch")(bytes);
});
