//! A cluster of three nodes: nodes 1 and 2 are brokers and controllers, node 3 is a broker alone, and the script itself plays brokers
//! 8 and 9, so that it decides when a follower fetches and what a leader asks of the controller.
//!
//! Always holds: assignments are given by hand, so that leaders and replicas are the same on both sides. Which of the two
//! controllers is the active one is not; scripts say "the active one" and "the other".

use std::collections::BTreeMap;
use std::process::Command;

use airis_protocol::messages::broker_registration_request::{Feature, Listener};
use airis_protocol::messages::create_topics_request::CreatableReplicaAssignment;
use airis_protocol::messages::*;
use airis_protocol::types::{Str, Uuid};
use anyhow::{Context, Result, bail};

use crate::ask::*;
use crate::side::Side;

/// How often something is looked for, with a pause after each.
const TRIES: usize = 300;
/// The last broker that exists.
pub const LAST: i32 = 3;

pub struct Three {
    pub side: Side,
    pub cluster_id: Str,
    brokers: BTreeMap<i32, String>,
    controllers: BTreeMap<i32, String>,
    /// The active controller, and the other.
    pub active: i32,
    pub other: i32,
    /// The process of node 3, which scripts stop.
    last: u32,
    /// What brokers support, as the nodes say.
    features: Vec<Feature>,
}

/// The incarnation that the script's broker has as a rule.
pub fn incarnation(broker: i32) -> Uuid {
    Uuid(0xaaaa_0000_0000_0000_0000_0000_0000_0000 + broker as u128)
}

/// The only directory of the script's broker.
pub fn directory(broker: i32) -> Uuid {
    Uuid(0xbbbb_0000_0000_0000_0000_0000_0000_0000 + broker as u128)
}

impl Three {
    /// Reads where the nodes are: lines of `broker ID ADDRESS`, `controller ID ADDRESS` and `process ID PID`.
    pub async fn open(file: &str) -> Result<Three> {
        let text = std::fs::read_to_string(file).with_context(|| file.to_owned())?;
        let (mut brokers, mut controllers, mut last) = (BTreeMap::new(), BTreeMap::new(), 0);
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["broker", id, address] => drop(brokers.insert(id.parse()?, address.to_owned())),
                ["controller", id, address] => {
                    drop(controllers.insert(id.parse()?, address.to_owned()))
                }
                ["process", "3", pid] => last = pid.parse()?,
                ["process", ..] => {}
                _ => bail!("{file}: {line}"),
            }
        }
        let mut three = Three {
            side: Side::new(&brokers[&1]),
            cluster_id: Str::default(),
            brokers,
            controllers,
            active: -1,
            other: -1,
            last,
            features: Vec::new(),
        };
        three.until_all_live().await?;
        three.cluster_id = three.broker(1).learn_cluster().await?;
        for id in 1..=LAST {
            three.broker(id).learn_place(&format!(" of {id}")).await?;
        }
        for (id, address) in &three.controllers {
            let (_, port) = address.rsplit_once(':').context("host:port")?;
            let label = format!("<controller port of {id}>");
            three.side.learn(port, &label);
        }
        let quorum = three.broker(1).quiet(&describe_quorum(), 2).await?;
        three.active = quorum.topics[0].partitions[0].leader_id;
        three.other = 3 - three.active;
        let versions = three.broker(1).quiet(&api_versions(), 4).await?;
        let supported = versions.supported_features.iter();
        three.features = supported
            .map(|f| Feature {
                name: f.name.clone(),
                min_supported_version: f.min_version,
                max_supported_version: f.max_version,
            })
            .collect();
        Ok(three)
    }

    /// Until every broker knows of three that are not fenced, and both controllers have registered.
    async fn until_all_live(&mut self) -> Result<()> {
        for _ in 0..TRIES {
            let mut live = 0;
            for id in 1..=LAST {
                let seen = self.broker(id).quiet(&describe_cluster(), 2).await?.brokers;
                live += usize::from(seen.iter().filter(|b| !b.is_fenced).count() == 3);
            }
            let quorum = self.broker(1).quiet(&describe_quorum(), 2).await?;
            let led = quorum.topics.iter().any(|t| t.partitions[0].leader_id > 0);
            let given = self.broker(1).quiet(&fresh_producer(), 5).await?;
            if live == 3 && led && given.error_code == 0 {
                return Ok(());
            }
            self.side.settle().await;
        }
        bail!("not all brokers live")
    }

    pub fn broker(&mut self, id: i32) -> &mut Side {
        self.side.at(&self.brokers[&id])
    }

    pub fn active(&mut self) -> &mut Side {
        self.side.at(&self.controllers[&self.active])
    }

    pub fn other(&mut self) -> &mut Side {
        self.side.at(&self.controllers[&self.other])
    }

    /// Shows the active controller's id in the last answer as such, wherever a field of this name has it.
    pub fn name_controllers(&mut self, field: &str) {
        let (active, other) = (self.active.to_string(), self.other.to_string());
        self.side.mask(field, |value| match value {
            _ if value == active => "<active>".to_owned(),
            _ if value == other => "<other>".to_owned(),
            _ => value.to_owned(),
        });
    }

    /// The same where it names the elements of a list.
    pub fn name_controllers_of(&mut self, list: &str) {
        let (active, other) = (self.active, self.other);
        self.side.rename(&[
            (&format!("{list}[{active}]"), &format!("{list}[<active>]")),
            (&format!("{list}[{other}]"), &format!("{list}[<other>]")),
        ]);
        self.name_controllers("node_id");
        for (id, which) in [(active, "active"), (other, "other")] {
            let (port, label) = (
                format!("<controller port of {id}>"),
                format!("<controller port of the {which}>"),
            );
            self.side.mask("port", |shown| match shown {
                _ if shown == port => label.clone(),
                _ => shown.to_owned(),
            });
        }
        let order = format!("{list}.order");
        self.side.change(&order, |ids| {
            let ids = ids.split(' ').map(|id| match id.parse::<i32>() {
                Ok(id) if id == active => "<active>",
                Ok(id) if id == other => "<other>",
                _ => id,
            });
            ids.collect::<Vec<_>>().join(" ")
        });
    }

    /// Makes a topic with these replicas, waits until every broker knows it and its leaders answer; its id.
    pub async fn make(
        &mut self,
        name: &str,
        replicas: &[&[i32]],
        configs: &[(&str, &str)],
    ) -> Result<Uuid> {
        let request = create(vec![assigned(name, replicas, configs)]);
        let made = self.broker(1).quiet(&request, 7).await?;
        if made.topics[0].error_code != 0 {
            bail!("{name}: {:?}", made.topics[0]);
        }
        for _ in 0..TRIES {
            let mut ready = true;
            let mut id = Uuid::ZERO;
            for broker in 1..=LAST {
                let seen = self.broker(broker).quiet(&metadata(&[name]), 13).await?;
                id = seen.topics[0].topic_id;
                for (p, of) in replicas.iter().enumerate() {
                    if of.first() != Some(&broker) {
                        continue;
                    }
                    let ends = list_offsets(name, p as i32..p as i32 + 1, -1);
                    let ends = self.broker(broker).quiet(&ends, 7).await?;
                    ready &= ends.topics[0].partitions[0].error_code == 0;
                }
                ready &= seen.topics[0].error_code == 0;
            }
            if ready {
                let label = format!("<id of {name}>");
                self.side.learn(&id.to_string(), &label);
                return Ok(id);
            }
            self.side.settle().await;
        }
        bail!("{name} is not to be used")
    }

    /// Waits until the metadata of a broker show a partition as `is` wants it.
    pub async fn until(
        &mut self,
        broker: i32,
        name: &str,
        is: impl Fn(&metadata_response::MetadataResponsePartition) -> bool,
    ) -> Result<()> {
        for _ in 0..TRIES {
            let seen = self.broker(broker).quiet(&metadata(&[name]), 13).await?;
            if seen.topics[0].partitions.first().is_some_and(&is) {
                return Ok(());
            }
            self.side.settle().await;
        }
        bail!("{name} does not get there at {broker}")
    }

    /// A registration of one of the script's own brokers.
    pub fn registration(&self, broker: i32) -> BrokerRegistrationRequest {
        BrokerRegistrationRequest {
            broker_id: broker,
            cluster_id: self.cluster_id.clone(),
            incarnation_id: incarnation(broker),
            // Nobody listens there.
            listeners: vec![Listener {
                name: "PLAINTEXT".into(),
                host: "127.0.0.1".into(),
                port: broker as u16,
                security_protocol: 0,
            }],
            features: self.features.clone(),
            rack: Some(format!("r{broker}").into()),
            log_dirs: vec![directory(broker)],
            previous_broker_epoch: -1,
            ..Default::default()
        }
    }

    /// Registers one of the script's own brokers, which stays fenced; its epoch.
    pub async fn register(&mut self, broker: i32) -> Result<i64> {
        let request = self.registration(broker);
        let done = self.active().quiet(&request, 4).await?;
        if done.error_code != 0 {
            bail!("broker {broker} is not registered: {done:?}");
        }
        Ok(done.broker_epoch)
    }

    /// Lets one of the script's own brokers lead and follow.
    pub async fn unfence(&mut self, broker: i32, epoch: i64) -> Result<()> {
        for _ in 0..TRIES {
            let done = self.active().quiet(&beat(broker, epoch), 1).await?;
            if done.error_code == 0 && !done.is_fenced {
                return Ok(());
            }
            self.side.settle().await;
        }
        bail!("broker {broker} stays fenced")
    }

    /// Stops node 3 as an operator does, and waits until all know that it is gone.
    pub async fn stop_last(&mut self) -> Result<()> {
        let status = Command::new("kill").arg(self.last.to_string()).status()?;
        anyhow::ensure!(status.success(), "node 3 cannot be stopped");
        for _ in 0..TRIES {
            let mut gone = true;
            for broker in 1..LAST {
                let seen = self.broker(broker).quiet(&describe_cluster(), 2).await?;
                let fenced = |b: &describe_cluster_response::DescribeClusterBroker| {
                    b.broker_id == LAST && b.is_fenced
                };
                gone &= seen.brokers.iter().any(fenced);
            }
            if gone {
                return Ok(());
            }
            self.side.settle().await;
        }
        bail!("node 3 is not fenced")
    }
}

pub fn assigned(
    name: &str,
    replicas: &[&[i32]],
    configs: &[(&str, &str)],
) -> create_topics_request::CreatableTopic {
    create_topics_request::CreatableTopic {
        assignments: (0..)
            .zip(replicas)
            .map(|(partition_index, brokers)| CreatableReplicaAssignment {
                partition_index,
                broker_ids: brokers.to_vec(),
            })
            .collect(),
        ..topic(name, -1, -1, configs)
    }
}

/// A heartbeat of a broker that has everything and wants to lead.
pub fn beat(broker_id: i32, broker_epoch: i64) -> BrokerHeartbeatRequest {
    BrokerHeartbeatRequest {
        broker_id,
        broker_epoch,
        // As if it knew all there will ever be: nobody waits for it.
        current_metadata_offset: i64::MAX,
        ..Default::default()
    }
}

pub fn describe_cluster() -> DescribeClusterRequest {
    DescribeClusterRequest {
        endpoint_type: 1,
        include_fenced_brokers: true,
        include_cluster_authorized_operations: false,
    }
}

pub fn describe_quorum() -> DescribeQuorumRequest {
    use describe_quorum_request::{PartitionData, TopicData};
    DescribeQuorumRequest {
        topics: vec![TopicData {
            topic_name: "__cluster_metadata".into(),
            partitions: vec![PartitionData { partition_index: 0 }],
        }],
    }
}

pub fn api_versions() -> ApiVersionsRequest {
    ApiVersionsRequest {
        client_software_name: "diff".into(),
        client_software_version: "1.0".into(),
    }
}
