//! What a voter promises, also when it lost its log or has no room for more.

use super::*;

/// Answers what node 2 asks node 1.
fn ask(quorum: &Arc<Quorum>, call: wire::Call) -> impl Future<Output = wire::Answer> + use<> {
    let quorum = quorum.clone();
    async move {
        let client = Client::new(([10, 0, 0, 2], 9093).into(), "CONTROLLER".into(), true);
        let client = Arc::new(client);
        let envelope = wire::Envelope {
            cluster: CLUSTER.into(),
            from: 2,
            to: 1,
        };
        let answer = quorum.answer(&client, envelope, call);
        tokio::time::timeout(Duration::from_secs(10), answer)
            .await
            .expect("it answers")
    }
}

/// What leads in a term, and has nothing to be appended.
fn leads(term: u64) -> wire::Call {
    wire::Call::Append(openraft::raft::AppendEntriesRequest {
        vote: Vote::new_committed(term, 2),
        prev_log_id: None,
        entries: vec![],
        leader_commit: None,
    })
}

/// It may have voted for a later leader and have forgotten it: with its help a deposed one would commit what that one does not have.
/// Nor may it vote twice in a term.
#[tokio::test]
async fn a_voter_that_lost_its_log_follows_no_leader_that_may_be_deposed() {
    let dir = TempDir::new().unwrap();
    let options = MetaOptions {
        part: Part::CatchUp,
        // Only the one that may be deposed was there when this node came.
        voters: [1, 2].map(|id| (id, String::new())).into(),
        ..options(dir.path())
    };
    let quorum = options.quorum.clone();
    let seen = Arc::new(Seen::default());
    let meta = Meta::start(options, seen).await.unwrap();
    let refused = async |term| match ask(&quorum, leads(term)).await {
        wire::Answer::Refused(why) => why.contains("lost its log"),
        wire::Answer::Append(_) => false,
        _ => panic!("another answer"),
    };
    let no_vote = async || {
        let vote = wire::Call::Vote(openraft::raft::VoteRequest::new(Vote::new(9, 2), None));
        let told = ask(&quorum, vote).await;
        matches!(told, wire::Answer::Refused(why) if why.contains("may not vote"))
    };
    assert!(no_vote().await);
    let heard = |node: i32, term: u64, voters: &[NodeKey]| {
        let voters = BTreeSet::from_iter(voters.iter().copied());
        quorum.note(wire::Hello {
            node,
            term,
            members: Membership::new(vec![voters], None),
            ..quorum.hello()
        });
    };
    assert!(refused(4).await, "it has not said who votes");
    heard(2, 4, &[1, 2, 3]);
    assert!(refused(4).await, "nobody else was heard of");
    heard(3, 5, &[1, 2, 3]);
    assert!(refused(4).await, "another one knows of a later term");
    heard(2, 5, &[1, 2, 3, 4, 5]);
    assert!(refused(5).await, "the quorum has grown");
    heard(6, 5, &[1, 2, 3, 4, 5]);
    assert!(refused(5).await, "this one does not vote");
    heard(4, 5, &[1, 2, 3, 4, 5]);
    assert!(!refused(5).await);
    assert!(no_vote().await, "it follows, and has not caught up");
    meta.kill().await;
}

/// What a voter is sent while openraft waits for its disk would pile up before it.
#[tokio::test]
async fn a_voter_whose_disk_is_full_refuses_what_it_could_not_write() {
    let disk = FaultyDisk::new();
    disk.create_dir_all(Path::new("/data")).unwrap();
    let options = MetaOptions {
        host: on(&disk),
        ..options(Path::new("/data"))
    };
    let quorum = options.quorum.clone();
    let meta = Meta::start(options, Arc::new(Seen::default()))
        .await
        .unwrap();
    let call = |call| ask(&quorum, call);
    let stale = || wire::Call::Vote(openraft::raft::VoteRequest::new(Vote::new(0, 2), None));
    assert!(matches!(call(stale()).await, wire::Answer::Vote(_)));
    // Another leader is to be noted, and there is no room for that.
    disk.set_capacity(Some(0));
    let noted = tokio::spawn(call(leads(99)));
    let mut refused = false;
    for _ in 0..1000 {
        refused = matches!(call(stale()).await, wire::Answer::Refused(why) if why.contains("room"));
        if refused {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(refused);
    disk.set_capacity(None);
    assert!(matches!(noted.await.unwrap(), wire::Answer::Append(_)));
    assert!(matches!(call(stale()).await, wire::Answer::Vote(_)));
    meta.kill().await;
}
