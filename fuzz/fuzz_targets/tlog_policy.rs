//! The target `tlog_policy` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::target("tlog_policy")(bytes);
});
