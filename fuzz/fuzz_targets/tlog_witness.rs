//! The target `tlog_witness` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::target("tlog_witness")(bytes);
});
