//! The target `gateway_listing` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::target("gateway_listing")(bytes);
});
