//! Frames that stall, and answers that wait for each other, over a network and a clock of the test's own.

use airis_protocol::types::{Str, Uuid};
use airis_protocol::wire::Chunk;
use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};

use super::*;
use crate::host::Host;
use crate::meta::form::{Formation, Identity, Named};
use crate::net::fabric::Fabric;
use crate::net::socket::Network;

const ANNOUNCED: i32 = 1 << 20;
/// So much is read without a permit.
const BEGUN: usize = RequestMemory::FREE;

/// A connection, and its other end.
async fn connected(fabric: &Fabric, memory: &RequestMemory, host: u8) -> (Socket, Connection) {
    let network = |h: u8| Network::Fabric(fabric.port(h.into(), [10, 0, 0, h].into()));
    let listener = network(host).listen(&format!("10.0.0.{host}"), 9).unwrap();
    let near = network(200).connect(&format!("10.0.0.{host}"), 9).await;
    let (far, addr) = listener.accept().await.unwrap();
    let identity = Identity {
        node: 1,
        dir: "/airis".into(),
        directory: Uuid(1),
        cluster: None,
    };
    let formation = Formation::new(&Host::default(), identity, Named::Servers(Vec::new()));
    let connection = Connection::new(
        far.attach().unwrap(),
        Door::new_for_controllers(formation.quorum().clone()),
        Arc::new(Client::new(addr, Str::from("CONTROLLER"), true)),
        Limits {
            request_bytes_max: 100 << 20,
            idle_max: Duration::from_secs(600),
            memory: memory.clone(),
            seats: None,
        },
    );
    (near.unwrap(), connection)
}

/// A connection that is served, and its other end.
async fn served(
    fabric: &Fabric,
    memory: &RequestMemory,
    host: u8,
) -> (Socket, tokio::task::JoinHandle<Closed>) {
    let (near, connection) = connected(fabric, memory, host).await;
    (near, tokio::spawn(connection.serve()))
}

async fn begin(socket: &mut Socket) {
    socket.write_all(&ANNOUNCED.to_be_bytes()).await.unwrap();
    socket.write_all(&[0; BEGUN]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn frames_that_stall_give_their_memory_back_and_slow_ones_come_through() {
    let fabric = Fabric::new();
    let memory = RequestMemory::new(1 << 20);
    let began = Instant::now();
    let mut stalled = Vec::new();
    for host in 1..=5 {
        let (mut socket, end) = served(&fabric, &memory, host).await;
        begin(&mut socket).await;
        sleep(Duration::from_millis(1)).await;
        stalled.push((socket, end));
    }
    // Behind them one that sends on, slowly.
    let (mut slow, end) = served(&fabric, &memory, 6).await;
    begin(&mut slow).await;
    let sent = tokio::spawn(async move {
        let mut left = ANNOUNCED as usize - BEGUN;
        while left > 0 {
            let some = left.min(PROGRESS);
            slow.write_all(&vec![0x7f; some]).await.unwrap();
            left -= some;
            sleep(Duration::from_secs(5)).await;
        }
        slow
    });
    for (socket, end) in stalled {
        let closed = timeout(Duration::from_secs(60), end).await.unwrap();
        assert!(matches!(closed, Ok(Closed::Stalled(..))), "{closed:?}");
        drop(socket);
    }
    // The first had its time, the others only the least.
    let took = began.elapsed();
    assert!(
        (Duration::from_secs(30)..Duration::from_secs(40)).contains(&took),
        "{took:?}"
    );
    // It was read to its end: that it is no request is why it was closed.
    let closed = timeout(Duration::from_secs(1_000), end).await.unwrap();
    assert!(matches!(closed, Ok(Closed::BadRequest(_))), "{closed:?}");
    assert!(began.elapsed() > Duration::from_secs(200));
    drop(sent.await);
    // Nothing is left behind.
    let all = memory.take(1 << 20);
    let all = timeout(Duration::from_secs(1), all).await;
    assert!(all.is_ok(), "it is free");
}

#[tokio::test]
async fn answers_that_wait_for_one_before_them_are_counted() {
    let memory = RequestMemory::new(1 << 20);
    let (_near, mut connection) = connected(&Fabric::new(), &memory, 1).await;
    let answer = || {
        let bytes = bytes::Bytes::from(vec![0; 1 << 20]);
        Encoded {
            len: bytes.len(),
            chunks: vec![Chunk::Bytes(bytes)],
        }
    };
    let later = || {
        let (done, waits) = tokio::sync::oneshot::channel();
        let waits = async move { Ok(waits.await.expect("it is answered")) };
        (done, Slot::Waiting(waits.boxed()))
    };
    let ((first, waits), (last, too)) = (later(), later());
    connection.put(waits, None);
    connection.put(too, None);
    for _ in 0..3 {
        assert!(connection.has_room());
        connection.put(Slot::Ready(answer()), None);
    }
    let mut cx = Context::from_waker(std::task::Waker::noop());
    connection.collect(&mut cx).unwrap();
    assert!(connection.has_room());
    // One that was waited for counts like one that was there at once.
    last.send(answer()).ok().unwrap();
    connection.collect(&mut cx).unwrap();
    assert!(!connection.has_room());
    // What may leave is counted once.
    first.send(answer()).ok().unwrap();
    connection.collect(&mut cx).unwrap();
    assert_eq!((connection.held, connection.output.len()), (0, 5 << 20));
}
