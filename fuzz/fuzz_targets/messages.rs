//! Any message of the protocol or of the logs. The property is `airis_protocol::fuzz::messages`; this only hands it bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| airis_protocol::fuzz::messages(data));
