//! Compressed payloads, in every codec. The property is `airis_protocol::fuzz::compressed`; this only hands it bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| airis_protocol::fuzz::compressed(data));
