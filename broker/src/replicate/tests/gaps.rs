//! Logs that compaction has left gaps in.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compacted_log_is_replicated_gaps_and_all() {
    let c = Cluster::start(3, brisk).await;
    c.create("t", &[1, 2], &[]).await;
    let p = c.partition(1, "t");
    let epoch = p.leader().1;
    for at in [5, 9, 10, 1_000_000_000_000] {
        let mut builder = BatchBuilder::new(Codec::None, TimestampType::Create);
        let value = format!("at {at}");
        builder.push(Millis(at), None, Some(value.as_bytes()), &[]);
        let batch = builder.build(Offset(at), epoch);
        p.log().append_as_follower(&batch, Millis(0)).unwrap();
    }
    assert_eq!(c.acked(1, "t", "after").await, 1_000_000_000_001);
    c.converged("t", &[1, 2]).await;
}
