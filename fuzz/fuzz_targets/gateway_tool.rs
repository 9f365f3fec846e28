//! The target `gateway_tool` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::target("gateway_tool")(bytes);
});
