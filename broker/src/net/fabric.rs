//! A network in memory: hosts that listen and connect, whose wires delay, stall, break and go one way only.
//!
//! A connection is what TCP makes of such wires: bytes arrive in order or not at all, a cut stalls them until it is mended, and the
//! end of a process is seen at once, that of a machine not at all. Time is tokio's, so that a test can move it.
//!
//! Always holds: one order of calls and one clock give one order of deliveries. Must never: lose or reorder bytes within a
//! connection that lives, or hold a lock while it wakes anybody.

// Not all of it is used by the tests of this crate.
#![cfg_attr(not(feature = "sim"), allow(dead_code))]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::io::ReadBuf;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// Bytes under way in one direction of a connection: what two kernels buffer.
const LANE_BYTES_MAX: usize = 256 * 1024;
/// Connections that wait to be accepted.
const BACKLOG_MAX: usize = 1024;
/// After so long the system gives a connection up that nobody answers.
const CONNECT_MAX: Duration = Duration::from_secs(127);

/// A machine on the network.
pub type HostId = u32;

/// How long bytes take from one host to another.
pub type Delay = Box<dyn FnMut(HostId, HostId) -> Duration + Send>;

/// Told of each piece that arrives: when, from whom, to whom, what.
pub type Witness = Box<dyn FnMut(Instant, HostId, HostId, &[u8]) + Send>;

/// The network. Clones are the same one.
#[derive(Clone, Default)]
pub struct Fabric(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    delay: Mutex<Option<Delay>>,
    witness: Mutex<Option<Witness>>,
    /// A cut was mended, or a host has come back.
    mended: Notify,
}

#[derive(Default)]
struct State {
    doorways: BTreeMap<SocketAddr, Arc<Door>>,
    /// Nothing gets from the first to the second.
    cuts: BTreeSet<(HostId, HostId)>,
    /// Machines without power.
    dark: BTreeSet<HostId>,
    wires: Vec<Weak<Mutex<Line>>>,
    next_port: u16,
}

/// Where one host is plugged in.
#[derive(Clone)]
pub struct Port {
    fabric: Fabric,
    host: HostId,
    ip: IpAddr,
}

struct Door {
    host: HostId,
    addr: SocketAddr,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    wires: VecDeque<(Wire, SocketAddr)>,
    waker: Option<Waker>,
}

/// A socket that listens; it ends with this value.
pub struct Doorway {
    fabric: Fabric,
    door: Arc<Door>,
}

/// How a direction ends, once all before it has arrived.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Closed,
    Reset,
}

/// One direction of a connection.
struct Lane {
    from: HostId,
    to: HostId,
    pieces: VecDeque<(Instant, Bytes)>,
    bytes: usize,
    /// When the last piece arrives: none overtakes another.
    last: Instant,
    end: Option<(Instant, End)>,
    /// Nobody reads at the other end any more.
    unread: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

struct Line {
    lanes: [Lane; 2],
    /// Ends of which the machine went dark: they say nothing more.
    dark: [bool; 2],
}

/// One end of a connection.
pub struct Wire {
    fabric: Fabric,
    line: Arc<Mutex<Line>>,
    /// Which lane this end writes to; it reads from the other.
    side: usize,
    arrival: Option<Pin<Box<Sleep>>>,
}

impl Fabric {
    pub fn new() -> Fabric {
        let fabric = Fabric::default();
        fabric.0.state.lock().next_port = 32_768;
        fabric
    }

    /// Plugs a host in.
    pub fn port(&self, host: HostId, ip: IpAddr) -> Port {
        Port {
            fabric: self.clone(),
            host,
            ip,
        }
    }

    /// Without one, everything arrives at once.
    pub fn set_delay(&self, delay: Delay) {
        *self.0.delay.lock() = Some(delay);
    }

    pub fn set_witness(&self, witness: Witness) {
        *self.0.witness.lock() = Some(witness);
    }

    /// From now on nothing gets from one host to the other; the way back is not touched.
    pub fn cut(&self, from: HostId, to: HostId) {
        self.0.state.lock().cuts.insert((from, to));
    }

    pub fn mend(&self, from: HostId, to: HostId) {
        self.0.state.lock().cuts.remove(&(from, to));
        self.wake();
    }

    pub fn mend_all(&self) {
        self.0.state.lock().cuts.clear();
        self.wake();
    }

    /// Connections between two hosts end, as if a box between them had forgotten them.
    pub fn reset(&self, a: HostId, b: HostId) {
        for line in self.lines() {
            let mut line = line.lock();
            let between = |l: &Lane| (l.from, l.to) == (a, b) || (l.from, l.to) == (b, a);
            if between(&line.lanes[0]) {
                let now = Instant::now();
                for lane in &mut line.lanes {
                    lane.end = Some((now, End::Reset));
                    lane.pieces.clear();
                }
            }
        }
        self.wake();
    }

    /// The machine loses its power: nobody is told.
    pub fn darken(&self, host: HostId) {
        self.0.state.lock().dark.insert(host);
        for line in self.lines() {
            let mut line = line.lock();
            for side in 0..2 {
                line.dark[side] |= line.lanes[side].from == host;
            }
        }
    }

    /// It has power again, and knows nothing of its old connections.
    pub fn lighten(&self, host: HostId) {
        self.0.state.lock().dark.remove(&host);
        for line in self.lines() {
            let mut line = line.lock();
            let now = Instant::now();
            for side in 0..2 {
                if line.dark[side] && line.lanes[side].from == host {
                    line.lanes[side].end = Some((now, End::Reset));
                }
            }
        }
        self.wake();
    }

    fn lines(&self) -> Vec<Arc<Mutex<Line>>> {
        let mut state = self.0.state.lock();
        state.wires.retain(|w| w.strong_count() > 0);
        state.wires.iter().filter_map(Weak::upgrade).collect()
    }

    /// Has everybody look again.
    fn wake(&self) {
        let mut wakers = Vec::new();
        for line in self.lines() {
            for lane in &mut line.lock().lanes {
                wakers.extend(lane.reader.take());
                wakers.extend(lane.writer.take());
            }
        }
        wakers.into_iter().for_each(Waker::wake);
        self.0.mended.notify_waiters();
    }

    fn blocked(&self, from: HostId, to: HostId) -> bool {
        let state = self.0.state.lock();
        state.cuts.contains(&(from, to)) || state.dark.contains(&from) || state.dark.contains(&to)
    }

    fn delay(&self, from: HostId, to: HostId) -> Duration {
        let mut delay = self.0.delay.lock();
        delay.as_mut().map_or(Duration::ZERO, |d| d(from, to))
    }
}

impl Port {
    pub fn listen(&self, addr: SocketAddr) -> io::Result<Doorway> {
        let mut state = self.fabric.0.state.lock();
        let mut addr = addr;
        if addr.ip().is_unspecified() {
            addr.set_ip(self.ip);
        }
        if addr.ip() != self.ip {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        if addr.port() == 0 {
            addr.set_port(state.next_port);
            state.next_port += 1;
        }
        if state.doorways.contains_key(&addr) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let door = Arc::new(Door {
            host: self.host,
            addr,
            waiting: Mutex::default(),
        });
        state.doorways.insert(addr, door.clone());
        Ok(Doorway {
            fabric: self.fabric.clone(),
            door,
        })
    }

    pub async fn connect(&self, host: &str, port: u16) -> io::Result<Wire> {
        let ip: IpAddr = host.parse().map_err(|_| io::ErrorKind::NotFound)?;
        let to = SocketAddr::new(ip, port);
        let given_up = Instant::now() + CONNECT_MAX;
        let fabric = &self.fabric;
        let peer = self.host_at(ip);
        if let Some(peer) = peer {
            sleep(fabric.delay(self.host, peer)).await;
            loop {
                // Asked for before the look: nothing is missed in between.
                let mended = fabric.0.mended.notified();
                if !fabric.blocked(self.host, peer) && !fabric.blocked(peer, self.host) {
                    break;
                }
                tokio::select! {
                    biased;
                    () = mended => {}
                    () = sleep_until(given_up) => return Err(io::ErrorKind::TimedOut.into()),
                }
            }
        }
        let door = fabric.0.state.lock().doorways.get(&to).cloned();
        let back = peer.map_or(Duration::ZERO, |p| fabric.delay(p, self.host));
        let Some(door) = door else {
            sleep(back).await;
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        let now = Instant::now();
        let lane = |from, to| Lane {
            from,
            to,
            pieces: VecDeque::new(),
            bytes: 0,
            last: now,
            end: None,
            unread: false,
            reader: None,
            writer: None,
        };
        let line = Arc::new(Mutex::new(Line {
            lanes: [lane(self.host, door.host), lane(door.host, self.host)],
            dark: [false; 2],
        }));
        let local = {
            let mut state = fabric.0.state.lock();
            let local = SocketAddr::new(self.ip, state.next_port);
            state.next_port = state.next_port.checked_add(1).unwrap_or(32_768);
            if state.wires.len() > 256 && state.wires.len().is_power_of_two() {
                state.wires.retain(|w| w.strong_count() > 0);
            }
            state.wires.push(Arc::downgrade(&line));
            local
        };
        let wire = |side| Wire {
            fabric: fabric.clone(),
            line: line.clone(),
            side,
            arrival: None,
        };
        let waker = {
            let mut waiting = door.waiting.lock();
            if waiting.wires.len() >= BACKLOG_MAX {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            waiting.wires.push_back((wire(1), local));
            waiting.waker.take()
        };
        let near = wire(0);
        if let Some(waker) = waker {
            waker.wake();
        }
        sleep(back).await;
        Ok(near)
    }

    /// Who has this address: known by its doors, or by its last octets.
    fn host_at(&self, ip: IpAddr) -> Option<HostId> {
        let state = self.fabric.0.state.lock();
        let door = state.doorways.values().find(|d| d.addr.ip() == ip);
        door.map(|d| d.host).or(match ip {
            IpAddr::V4(ip) => Some(u32::from(ip.octets()[3])),
            IpAddr::V6(_) => None,
        })
    }
}

impl Doorway {
    pub fn addr(&self) -> SocketAddr {
        self.door.addr
    }

    pub async fn accept(&self) -> (Wire, SocketAddr) {
        poll_fn(|cx| {
            let mut waiting = self.door.waiting.lock();
            match waiting.wires.pop_front() {
                Some(wire) => Poll::Ready(wire),
                None => {
                    waiting.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Drop for Doorway {
    fn drop(&mut self) {
        self.fabric.0.state.lock().doorways.remove(&self.door.addr);
        // Those that nobody has accepted end with it.
        let left = std::mem::take(&mut self.door.waiting.lock().wires);
        drop(left);
    }
}

impl Wire {
    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let delay = {
            let line = self.line.lock();
            let lane = &line.lanes[self.side];
            (lane.from, lane.to)
        };
        let delay = self.fabric.delay(delay.0, delay.1);
        let waker = {
            let mut line = self.line.lock();
            if matches!(line.lanes[1 - self.side].end, Some((_, End::Reset))) {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            let lane = &mut line.lanes[self.side];
            if lane.end.is_some() || lane.unread {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let room = LANE_BYTES_MAX.saturating_sub(lane.bytes);
            if room == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let mut piece = BytesMut::new();
            for slice in slices {
                let some = slice.len().min(room - piece.len());
                piece.extend_from_slice(&slice[..some]);
            }
            let written = piece.len();
            lane.bytes += written;
            lane.last = lane.last.max(Instant::now() + delay);
            lane.pieces.push_back((lane.last, piece.freeze()));
            (written, lane.reader.take())
        };
        if let Some(waker) = waker.1 {
            waker.wake();
        }
        Ok(waker.0)
    }

    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut line = self.line.lock();
        let reset = matches!(line.lanes[1 - self.side].end, Some((_, End::Reset)));
        let lane = &mut line.lanes[self.side];
        // Whoever writes then is told.
        if reset || lane.end.is_some() || lane.unread || lane.bytes < LANE_BYTES_MAX {
            return Poll::Ready(Ok(()));
        }
        lane.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let due = {
                let mut line = self.line.lock();
                let lane = &mut line.lanes[1 - self.side];
                let blocked = self.fabric.blocked(lane.from, lane.to);
                let due = match (lane.pieces.front(), lane.end) {
                    _ if blocked => None,
                    (_, Some((at, End::Reset))) => Some(at),
                    (Some((at, _)), _) => Some(*at),
                    (None, Some((at, End::Closed))) => Some(at),
                    (None, None) => None,
                };
                match due {
                    None => {
                        lane.reader = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                    Some(at) if at > Instant::now() => {
                        // More may come, or the end, or a cut.
                        lane.reader = Some(cx.waker().clone());
                        at
                    }
                    Some(_) if matches!(lane.end, Some((_, End::Reset))) => {
                        return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
                    }
                    Some(_) => {
                        let (from, to) = (lane.from, lane.to);
                        let mut taken = Vec::new();
                        let now = Instant::now();
                        while buf.remaining() > 0
                            && let Some((at, piece)) = lane.pieces.front_mut()
                            && *at <= now
                        {
                            let some = piece.split_to(piece.len().min(buf.remaining()));
                            buf.put_slice(&some);
                            lane.bytes -= some.len();
                            if !piece.has_remaining() {
                                lane.pieces.pop_front();
                            }
                            taken.push(some);
                        }
                        let waker = lane.writer.take();
                        drop(line);
                        if let Some(waker) = waker {
                            waker.wake();
                        }
                        if let Some(witness) = &mut *self.fabric.0.witness.lock() {
                            for piece in taken {
                                witness(now, from, to, &piece);
                            }
                        }
                        return Poll::Ready(Ok(()));
                    }
                }
            };
            let arrival = self
                .arrival
                .get_or_insert_with(|| Box::pin(sleep_until(due)));
            if arrival.deadline() != due {
                arrival.as_mut().reset(due);
            }
            match arrival.as_mut().poll(cx) {
                Poll::Ready(()) => self.arrival = None,
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Says that nothing more will be written.
    pub fn shut_down(&self) {
        self.end_writing();
    }

    fn end_writing(&self) {
        let (from, to) = {
            let line = self.line.lock();
            let lane = &line.lanes[self.side];
            (lane.from, lane.to)
        };
        let delay = self.fabric.delay(from, to);
        let waker = {
            let mut line = self.line.lock();
            let dark = line.dark[self.side];
            let lane = &mut line.lanes[self.side];
            if lane.end.is_none() && !dark {
                lane.last = lane.last.max(Instant::now() + delay);
                lane.end = Some((lane.last, End::Closed));
            }
            lane.reader.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.end_writing();
        let waker = {
            let mut line = self.line.lock();
            let dark = line.dark[self.side];
            let lane = &mut line.lanes[1 - self.side];
            lane.unread |= !dark;
            lane.pieces.clear();
            lane.writer.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::super::socket::{Network, Socket};
    use super::*;

    const DELAY: Duration = Duration::from_millis(5);

    fn network(fabric: &Fabric, host: u8) -> Network {
        Network::Fabric(fabric.port(host.into(), [10, 0, 0, host].into()))
    }

    async fn pair(fabric: &Fabric) -> (Socket, Socket) {
        let listener = network(fabric, 2).listen("10.0.0.2", 9).unwrap();
        let near = network(fabric, 1).connect("10.0.0.2", 9).await.unwrap();
        let (far, from) = listener.accept().await.unwrap();
        assert_eq!(from.ip(), IpAddr::from([10, 0, 0, 1]));
        (near, far.attach().unwrap())
    }

    fn delayed() -> Fabric {
        let fabric = Fabric::new();
        fabric.set_delay(Box::new(|_, _| DELAY));
        fabric
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_arrive_in_order_and_late_and_the_end_behind_them() {
        let fabric = delayed();
        let (mut near, mut far) = pair(&fabric).await;
        let began = Instant::now();
        near.write_all(b"abc").await.unwrap();
        near.write_all(b"def").await.unwrap();
        drop(near);
        let mut all = Vec::new();
        far.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"abcdef");
        assert!(began.elapsed() >= DELAY);
        assert!(far.write_all(b"nobody reads").await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_writer_waits_for_room_and_everything_comes_through() {
        let fabric = delayed();
        let (mut near, mut far) = pair(&fabric).await;
        let sent: Vec<u8> = (0..LANE_BYTES_MAX * 3).map(|i| i as u8).collect();
        let expected = sent.clone();
        let writing = tokio::spawn(async move {
            near.write_all(&sent).await.unwrap();
        });
        sleep(DELAY * 10).await;
        assert!(!writing.is_finished());
        let mut all = Vec::new();
        far.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_goes_one_way_stalls_and_loses_nothing() {
        let fabric = delayed();
        let (mut near, mut far) = pair(&fabric).await;
        fabric.cut(1, 2);
        near.write_all(b"later").await.unwrap();
        far.write_all(b"now").await.unwrap();
        let mut three = [0; 3];
        near.read_exact(&mut three).await.unwrap();
        assert_eq!(&three, b"now");
        let mut five = [0; 5];
        let read = timeout(DELAY * 100, far.read_exact(&mut five)).await;
        assert!(read.is_err());
        let other = network(&fabric, 1);
        let connecting = timeout(DELAY * 100, other.connect("10.0.0.2", 9)).await;
        assert!(connecting.is_err(), "nobody answers");
        fabric.mend(1, 2);
        far.read_exact(&mut five).await.unwrap();
        assert_eq!(&five, b"later");
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_without_power_says_nothing_until_it_is_back() {
        let fabric = delayed();
        let (mut near, far) = pair(&fabric).await;
        fabric.darken(2);
        drop(far);
        let mut byte = [0; 1];
        assert!(timeout(DELAY * 100, near.read(&mut byte)).await.is_err());
        fabric.lighten(2);
        let told = timeout(DELAY * 100, near.read(&mut byte)).await.unwrap();
        assert_eq!(told.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        let refused = network(&fabric, 1).connect("10.0.0.2", 9).await;
        assert_eq!(
            refused.err().map(|e| e.kind()),
            Some(io::ErrorKind::ConnectionRefused)
        );
    }
}
