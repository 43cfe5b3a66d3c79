//! Kafka's wire and record formats: bytes to values and back. No I/O, no clock, no async runtime.
