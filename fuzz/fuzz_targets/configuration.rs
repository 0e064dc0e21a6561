#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| contactbar::fuzzing::configuration(data));
