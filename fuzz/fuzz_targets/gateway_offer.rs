//! The target `gateway_offer` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::target("gateway_offer")(bytes);
});
