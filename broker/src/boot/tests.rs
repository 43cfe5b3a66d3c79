//! A node on a disk that a test makes fail.

use airis_storage::disk::faulty::FaultyDisk;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::config::load::{Given, Origin};

/// A node that is alone, on 127.0.0.1 and this disk.
pub(crate) async fn start_on(disk: &FaultyDisk, properties: &[(&str, &str)]) -> Running {
    let mut given = Given::default();
    let fixed = [
        ("listeners", "PLAINTEXT://127.0.0.1:0"),
        ("log.dirs", "/airis"),
        ("offsets.topic.num.partitions", "1"),
    ];
    for (name, value) in fixed.iter().chain(properties) {
        given.add(name, value, Origin::Override);
    }
    let host = Host {
        disk: Arc::new(disk.clone()),
        ..Host::default()
    };
    let serving = [tokio::runtime::Handle::current()].into();
    let started = start(given.resolve().unwrap(), 7, serving, host);
    timeout(Duration::from_secs(20), started)
        .await
        .expect("it starts in time")
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn controllers_do_not_queue_behind_clients_for_memory() {
    let listeners = "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0";
    let node = start_on(
        &FaultyDisk::new(),
        &[
            ("listeners", listeners),
            ("airis.request.memory.bytes", "1048576"),
        ],
    )
    .await;
    let addr = |name: &str| {
        let listener = node.listeners.iter().find(|(n, _)| n == name);
        listener.expect("it is there").1
    };
    // Each announces more than there is, and sends a part.
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = TcpStream::connect(addr("PLAINTEXT")).await.unwrap();
        client.write_i32(100_000_000).await.unwrap();
        client.write_all(&[0; 100 * 1024]).await.unwrap();
        clients.push(client);
    }
    // What a controller sends is read all the same; that it is no request shows that it was.
    sleep(Duration::from_millis(300)).await;
    let mut peer = TcpStream::connect(addr("CONTROLLER")).await.unwrap();
    peer.write_i32(200 * 1024).await.unwrap();
    let _ = peer.write_all(&[0x7f; 200 * 1024]).await;
    let end = timeout(Duration::from_secs(10), peer.read_u8()).await;
    assert!(end.expect("it is read").is_err(), "and refused");
    drop(clients);
    node.stop().await;
}
