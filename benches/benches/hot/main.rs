//! Criterion benches of what every request goes through. `cargo bench -p airis-benches -- append` runs those with that name.

mod append;
mod batch;
mod codec;
mod group_commit;
mod index;
mod read;

criterion::criterion_main!(
    codec::benches,
    batch::benches,
    append::benches,
    read::benches,
    index::benches,
    group_commit::benches
);
