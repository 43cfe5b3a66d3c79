//! The store of entries and the machine, as openraft uses them, and openraft's own conformance suite.

use super::*;

/// Builds an empty store and machine in a directory of its own for openraft's suite.
struct Fresh;

impl StoreBuilder<TypeConfig, Store, Machine, (TempDir, mpsc::Receiver<publish::Applied>)>
    for Fresh
{
    async fn build(
        &self,
    ) -> Result<((TempDir, mpsc::Receiver<publish::Applied>), Store, Machine), StorageError<NodeKey>>
    {
        let dir = tempfile::tempdir().unwrap();
        let (store, state) =
            open::open(&real(), &dir.path().join(journal::DIR), 0, &BTreeMap::new()).unwrap();
        // The suite purges entries that it has never applied.
        store.applied(Some(wal::log_id(u64::MAX, u64::MAX)));
        let (applied, machine) = machine(&store, state);
        Ok(((dir, applied), store, machine))
    }
}

fn machine(store: &Store, state: State) -> (mpsc::Receiver<publish::Applied>, Machine) {
    let (publish, applied) = mpsc::channel(1024);
    let machine = Machine {
        applied: Arc::new(ArcSwap::from_pointee(state.image.clone())),
        state: Arc::new(Mutex::new(state)),
        building: Arc::default(),
        publish,
        store: store.clone(),
    };
    (applied, machine)
}

/// A change of members: one record of the metadata log.
fn member_entry(index: u64) -> Entry {
    Entry {
        log_id: wal::log_id(1, index),
        payload: EntryPayload::Membership(Membership::new(vec![BTreeSet::from([0])], None)),
    }
}

#[tokio::test]
async fn large_entries_are_not_sent_all_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let base = wal::Base::default();
    let mut store = Store::create(&real(), dir.path(), base, None).unwrap();
    let large = |index| Entry {
        log_id: wal::log_id(1, index),
        payload: EntryPayload::Normal(raft::Proposal {
            first_offset: -1,
            batches: vec![vec![0; 6 << 20]],
        }),
    };
    store.blocking_append((1..=5).map(large)).await.unwrap();
    let mut sent = async |from, to| store.limited_get_log_entries(from, to).await.unwrap().len();
    assert_eq!(sent(1, 6).await, 2);
    assert_eq!(sent(5, 6).await, 1);
    assert_eq!(sent(5, 5).await, 0);
}

#[tokio::test]
async fn a_purge_waits_for_the_snapshot_that_covers_more_than_the_entries_here_and_a_crash_keeps_both()
 {
    let other = tempfile::tempdir().unwrap();
    let open = |dir: &Path| open::open(&real(), &dir.join(journal::DIR), 0, &BTreeMap::new());
    let (store, state) = open(other.path()).unwrap();
    let (_published, mut leader) = machine(&store, state);
    leader.apply((1..=9).map(member_entry)).await.unwrap();
    let snapshot = leader.build_snapshot().await.unwrap();

    let dir = tempfile::tempdir().unwrap();
    {
        let (mut store, state) = open(dir.path()).unwrap();
        let (_published, mut follower) = machine(&store, state);
        store
            .blocking_append((1..=3).map(member_entry))
            .await
            .unwrap();
        follower.apply((1..=3).map(member_entry)).await.unwrap();
        // It dies before the snapshot is there: nothing has happened.
        let place = Place {
            log_id: snapshot.meta.last_log_id,
            next_offset: 9,
            membership: snapshot.meta.last_membership.clone(),
        };
        store.installing(&place).unwrap();
    }
    let (mut store, state) = open(dir.path()).unwrap();
    assert_eq!(state.place.log_id, Some(wal::log_id(1, 3)));
    let (_published, mut follower) = machine(&store, state);
    let purge = {
        let mut store = store.clone();
        tokio::spawn(async move { store.purge(wal::log_id(1, 9)).await })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!purge.is_finished(), "the snapshot is not there yet");
    assert_eq!(store.base().log_id, None);
    let installed = follower.install_snapshot(&snapshot.meta, snapshot.snapshot);
    installed.await.unwrap();
    purge.await.unwrap().unwrap();
    let base = store.base();
    assert_eq!(
        (base.log_id, base.next_offset),
        (snapshot.meta.last_log_id, 9)
    );
    store.blocking_append([member_entry(10)]).await.unwrap();
    follower.apply([member_entry(10)]).await.unwrap();
    drop((store, follower));
    let (store, state) = open(dir.path()).unwrap();
    assert_eq!(
        state.place.log_id,
        Some(wal::log_id(1, 10)),
        "its own log, not another's"
    );
    assert_eq!((store.base().next_offset, state.place.next_offset), (9, 10));
}

#[tokio::test]
async fn a_snapshot_that_was_installed_before_a_crash_is_where_the_entries_begin() {
    let other = tempfile::tempdir().unwrap();
    let open = |dir: &Path| open::open(&real(), &dir.join(journal::DIR), 0, &BTreeMap::new());
    let (store, state) = open(other.path()).unwrap();
    let (_published, mut leader) = machine(&store, state);
    leader.apply((1..=9).map(member_entry)).await.unwrap();
    let snapshot = leader.build_snapshot().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    {
        let (mut store, _) = open(dir.path()).unwrap();
        store
            .blocking_append((1..=3).map(member_entry))
            .await
            .unwrap();
        let place = Place {
            log_id: snapshot.meta.last_log_id,
            next_offset: 9,
            membership: snapshot.meta.last_membership.clone(),
        };
        store.installing(&place).unwrap();
        let id = checkpoint::SnapshotId::parse(&snapshot.meta.snapshot_id).unwrap();
        let bytes = snapshot.snapshot.get_ref();
        checkpoint::store(&*real(), &dir.path().join(journal::DIR), id, bytes).unwrap();
    }
    let (store, state) = open(dir.path()).unwrap();
    assert_eq!(state.place.log_id, snapshot.meta.last_log_id);
    assert_eq!(
        (store.base().log_id, store.last()),
        (snapshot.meta.last_log_id, snapshot.meta.last_log_id)
    );
}

#[test]
fn the_store_and_the_machine_conform_to_what_openraft_expects() {
    Suite::test_all(Fresh).unwrap();
}
