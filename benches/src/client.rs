//! A bare client: one blocking socket and one buffer that is used again and again.
//!
//! Always holds: a whole answer is one piece of memory, which the next read reuses. Must never: be asked for an answer that was
//! not requested: it would wait until the time-out.

use std::io::{self, Read, Write};
use std::mem;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use airis_protocol::error::ErrorCode;
use airis_protocol::header::read_response_header;
use airis_protocol::messages::{
    ApiVersionsRequest, InitProducerIdRequest, MetadataResponse, ProduceRequest, ProduceResponse,
};
use airis_protocol::wire::{Message, Reader, Request};
use anyhow::{Context, Result, bail, ensure};
use bytes::{Bytes, BytesMut};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::requests;

/// No answer may take longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// One connection.
pub struct Client {
    socket: TcpStream,
    /// All of it is initialised; `from..to` has arrived and was not looked at.
    buf: BytesMut,
    from: usize,
    to: usize,
}

impl Client {
    /// To the first of these addresses (separated by commas) that takes a connection.
    pub fn connect(addresses: &str) -> Result<Client> {
        let mut last = None;
        for address in addresses.split(',') {
            match Client::connect_within(address, PATIENCE) {
                Ok(client) => return Ok(client),
                Err(e) => last = Some(e),
            }
        }
        Err(last.context("no address")?)
    }

    /// Neither connecting nor an answer may take longer.
    pub fn connect_within(address: &str, patience: Duration) -> Result<Client> {
        let to = address
            .to_socket_addrs()?
            .next()
            .with_context(|| format!("{address} has no address"))?;
        let socket = TcpStream::connect_timeout(&to, patience)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(patience))?;
        socket.set_write_timeout(Some(patience))?;
        Ok(Client {
            socket,
            buf: BytesMut::zeroed(1024),
            from: 0,
            to: 0,
        })
    }

    pub fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.socket.write_all(frame)
    }

    /// Reads once.
    pub fn fill(&mut self) -> Result<()> {
        if self.from == self.to {
            (self.from, self.to) = (0, 0);
        }
        let need = self.announced().unwrap_or(0).max(1024);
        if self.from > 0 && (self.from + need > self.buf.len() || self.to == self.buf.len()) {
            self.buf.copy_within(self.from..self.to, 0);
            (self.from, self.to) = (0, self.to - self.from);
        }
        if need > self.buf.len() || self.to == self.buf.len() {
            let len = need.max(self.to + 1).next_power_of_two();
            self.buf.resize(len, 0);
        }
        match self.socket.read(&mut self.buf[self.to..]) {
            Ok(0) => bail!("the connection was closed"),
            Ok(n) => self.to += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e).context("no answer"),
        }
        Ok(())
    }

    /// Bytes of the next frame with its size, if that has arrived.
    fn announced(&self) -> Option<usize> {
        let size = self.buf[self.from..self.to].first_chunk::<4>()?;
        Some(4 + i32::from_be_bytes(*size) as usize)
    }

    /// Looks at the next whole frame (without its size), if it has arrived.
    pub fn next_frame<T>(&mut self, look: impl FnOnce(Bytes) -> Result<T>) -> Result<Option<T>> {
        let Some(len) = self.announced().filter(|l| *l <= self.to - self.from) else {
            return Ok(None);
        };
        let whole = mem::take(&mut self.buf).freeze();
        let seen = look(whole.slice(self.from + 4..self.from + len));
        self.from += len;
        self.buf = match whole.try_into_mut() {
            Ok(buf) => buf,
            // Somebody has kept a piece.
            Err(whole) => BytesMut::from(&whole[..]),
        };
        seen.map(Some)
    }

    /// Waits for the next frame.
    pub fn frame<T>(&mut self, look: impl FnOnce(Bytes) -> Result<T>) -> Result<T> {
        let mut look = Some(look);
        loop {
            if self.announced().is_some_and(|l| l <= self.to - self.from) {
                let look = look.take().expect("the frame is looked at once");
                return Ok(self.next_frame(look)?.expect("the frame is whole"));
            }
            self.fill()?;
        }
    }

    /// Waits for the answer to a request of this kind.
    pub fn answer<R: Request>(&mut self, version: i16) -> Result<R::Response> {
        self.frame(|frame| decode::<R>(frame, version))
    }

    pub fn call<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response> {
        self.send(&requests::frame(request, version, 1))?;
        self.answer::<R>(version)
    }

    /// The first exchange of every client.
    pub fn greet(&mut self) -> Result<()> {
        let answer = self.call(&ApiVersionsRequest::default(), requests::API_VERSIONS)?;
        ensure!(
            answer.error_code == 0,
            "ApiVersions: error {}",
            answer.error_code
        );
        Ok(())
    }

    /// An idempotent producer's id and epoch.
    pub fn producer(&mut self) -> Result<(i64, i16)> {
        let request = InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: 60_000,
            producer_id: -1,
            producer_epoch: -1,
            ..Default::default()
        };
        for _ in 0..2000 {
            let answer = self.call(&request, requests::INIT_PRODUCER_ID)?;
            match ErrorCode::from_wire(answer.error_code) {
                ErrorCode::None => return Ok((answer.producer_id, answer.producer_epoch)),
                other if other.retriable() => std::thread::sleep(Duration::from_millis(5)),
                other => bail!("InitProducerId: {other:?}"),
            }
        }
        bail!("no producer id in 10 s")
    }

    /// Whether something has arrived, or arrives meanwhile.
    pub fn readable(&self, wait: Duration) -> Result<bool> {
        let wait = Timespec::try_from(wait).expect("a wait is short");
        let mut fds = [PollFd::new(self, PollFlags::IN)];
        match poll(&mut fds, Some(&wait)) {
            Ok(n) => Ok(n > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// Creates a topic, and waits until every partition has a leader; gives their addresses.
    pub fn create(
        &mut self,
        topic: &str,
        partitions: i32,
        replicas: i16,
        configs: &[(&str, &str)],
    ) -> Result<Vec<String>> {
        let answer = self.call(
            &requests::create(topic, partitions, replicas, configs),
            requests::CREATE_TOPICS,
        )?;
        let result = answer.topics.first().context("no topic in the answer")?;
        match ErrorCode::from_wire(result.error_code) {
            ErrorCode::None | ErrorCode::TopicAlreadyExists => {}
            other => bail!("creating {topic}: {other:?} {:?}", result.error_message),
        }
        self.leaders(topic, partitions)
    }

    /// Waits until every partition of the topic has a leader; gives the address of each.
    pub fn leaders(&mut self, topic: &str, partitions: i32) -> Result<Vec<String>> {
        for _ in 0..24_000 {
            let answer = self.call(&requests::metadata(Some(topic)), requests::METADATA)?;
            let mut led: Vec<_> = answer
                .topics
                .iter()
                .flat_map(|t| &t.partitions)
                .filter_map(|p| Some((p.partition_index, address(&answer, p.leader_id)?)))
                .collect();
            if led.len() as i32 >= partitions {
                led.sort();
                return Ok(led.into_iter().map(|(_, address)| address).collect());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("{topic} has no leaders after 120 s")
    }

    /// How many partitions a topic has; 0 if there is none of that name.
    pub fn partitions(&mut self, topic: &str) -> Result<i32> {
        let answer = self.call(&requests::metadata(Some(topic)), requests::METADATA)?;
        Ok(answer
            .topics
            .first()
            .map_or(0, |t| t.partitions.len() as i32))
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Where a broker listens, by what an answer says.
pub fn address(answer: &MetadataResponse, broker: i32) -> Option<String> {
    let found = answer.brokers.iter().find(|b| b.node_id == broker)?;
    Some(format!("{}:{}", found.host, found.port))
}

/// The answer in a frame.
pub fn decode<R: Request>(frame: Bytes, version: i16) -> Result<R::Response> {
    let mut r = Reader::new(frame);
    read_response_header(&mut r, R::KEY, version)?;
    let response = R::Response::read(&mut r, version)?;
    r.end()?;
    Ok(response)
}

/// The error and the offset that a produce of one batch was answered with.
pub fn produced(frame: Bytes) -> Result<(ErrorCode, i64)> {
    let answer: ProduceResponse = decode::<ProduceRequest>(frame, requests::PRODUCE)?;
    let p = answer
        .responses
        .first()
        .and_then(|t| t.partition_responses.first())
        .context("a produce answer without a partition")?;
    Ok((ErrorCode::from_wire(p.error_code), p.base_offset))
}
