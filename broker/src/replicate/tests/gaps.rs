//! Logs that compaction has left gaps in.

use super::disks::{read_all, rot, segment_file};
use super::*;

/// A topic at nodes 1 and 2, with gaps.
async fn with_gaps() -> Cluster {
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
    c
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compacted_log_is_replicated_gaps_and_all() {
    let c = with_gaps().await;
    assert_eq!(c.acked(1, "t", "goes on").await, 1_000_000_000_002);
    c.converged("t", &[1, 2]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_batch_before_a_gap_is_mended() {
    let c = with_gaps().await;
    let before = std::fs::read(segment_file(&c, 1, "t", 0)).unwrap();
    let first = BatchHeader::read(&before).unwrap().size() as u64;
    for at in [0, 2 * first] {
        let p = c.partition(1, "t");
        p.log().flush().unwrap();
        p.log().cool();
        rot(&segment_file(&c, 1, "t", 0), at + first - 5);
        let errors = read_all(&c, 1, "t", 0, 1_000_000_000_002).await;
        assert!(!errors.is_empty(), "it was seen");
        c.until("it is mended", |c| {
            c.partition(1, "t").log().damage().is_empty()
        })
        .await;
        assert_eq!(std::fs::read(segment_file(&c, 1, "t", 0)).unwrap(), before);
    }
}
