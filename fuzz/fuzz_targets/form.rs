#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| contactbar::fuzzing::form(data));
