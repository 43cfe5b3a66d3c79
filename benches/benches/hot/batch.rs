//! A batch as the broker looks at it: parsed as a view, and validated for a produce, in every codec.

use std::hint::black_box;
use std::time::Duration;

use airis_benches::batches;
use airis_protocol::batch::{BatchBytes, BatchHeader, TimestampType};
use airis_protocol::compress::Codec;
use airis_protocol::validate::{ValidateConfig, validate};
use criterion::{Criterion, Throughput, criterion_group};

fn config() -> ValidateConfig {
    ValidateConfig {
        codec: None,
        level: None,
        timestamp_type: TimestampType::Create,
        before_max_ms: i64::MAX,
        after_max_ms: i64::MAX,
        keys_required: false,
        max_message_bytes: 2 << 20,
        produce_version: 12,
    }
}

fn batch(c: &mut Criterion) {
    let now = batches::now();
    for (size, records, value) in [
        ("1 record", 1, 100),
        ("16 KiB", 16, 1014),
        ("1 MiB", 1024, 1014),
    ] {
        for codec in Codec::ALL {
            let bytes = batches::batch(codec, records, value);
            let mut group = c.benchmark_group(format!("batch/{size}/{codec:?}"));
            // Of record values, so that codecs can be compared.
            group.throughput(Throughput::Bytes((records * value) as u64));
            if codec == Codec::None {
                group.bench_function("header", |b| {
                    b.iter(|| BatchHeader::read(black_box(&bytes)).unwrap());
                });
            }
            group.bench_function("parse", |b| {
                b.iter(|| BatchBytes::parse(black_box(&bytes).clone()).unwrap());
            });
            group.bench_function("validate", |b| {
                b.iter(|| validate(black_box(&bytes), &config(), now).unwrap());
            });
            group.finish();
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_secs(1));
    targets = batch
}
