//! Record batches, as a client sends them. The property is `airis_protocol::fuzz::record_batches`; this only hands it bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| airis_protocol::fuzz::record_batches(data));
