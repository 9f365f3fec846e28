//! The target `instrument_voucher` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::target("instrument_voucher")(bytes);
});
