//! The target `index_manifest` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::target("index_manifest")(bytes);
});
