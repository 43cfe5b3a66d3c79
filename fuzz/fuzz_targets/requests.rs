//! Request frames: header and body, as a client sends them. The property is `airis_protocol::fuzz::requests`; this only hands it bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| airis_protocol::fuzz::requests(data));
