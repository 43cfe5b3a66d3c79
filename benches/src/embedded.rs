//! A node inside this process, on threads of its own, so that its work can be told from the client's.
//!
//! Always holds: every thread of the node runs `mark` first. Must never: outlive its data: dropping it pulls the plug.

use std::path::Path;

use airis_broker::Broker;
use anyhow::Result;
use tokio::runtime::{Builder, Runtime};

/// A running node.
pub struct Embedded {
    runtime: Runtime,
    broker: Option<Broker>,
    _data: tempfile::TempDir,
}

impl Embedded {
    /// Starts a node with so many threads for sockets; its data lies in a new directory under `data`.
    pub fn start(
        data: &Path,
        threads: usize,
        properties: &[(&str, &str)],
        mark: fn(),
    ) -> Result<Embedded> {
        std::fs::create_dir_all(data)?;
        let data = tempfile::Builder::new().prefix("bench-").tempdir_in(data)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("airis-broker")
            .on_thread_start(mark)
            .enable_all()
            .build()?;
        let mut builder = Broker::builder().data_dir(data.path());
        for (name, value) in properties {
            builder = builder.property(*name, value);
        }
        // In a task, so that none of it runs on this thread.
        let broker = runtime.block_on(async { tokio::spawn(builder.start()).await })??;
        Ok(Embedded {
            runtime,
            broker: Some(broker),
            _data: data,
        })
    }

    pub fn address(&self) -> String {
        let broker = self.broker.as_ref().expect("it runs until it is dropped");
        broker.bootstrap_servers().to_owned()
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Some(broker) = self.broker.take() {
            self.runtime.block_on(broker.kill());
        }
    }
}
