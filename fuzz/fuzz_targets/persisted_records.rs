//! Records of the metadata log and of the coordinators' topics. The property is `airis_protocol::fuzz::persisted_records`; this only hands it bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| airis_protocol::fuzz::persisted_records(data));
