//! The network as a node finds it: how it listens, how it reaches others, and the socket that it gets either way.
//!
//! Always holds: a connection is a stream of bytes in both directions that ends as TCP's do. Must never: cost a TCP socket more than
//! a branch.

use std::io::{self, IoSlice};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, SockRef, Socket as RawSocket, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

#[cfg(any(test, feature = "sim"))]
use super::fabric::{Doorway, Port, Wire};
#[cfg(feature = "faults")]
use crate::faults::links::{Linked, Plug};
use crate::scarce;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// The send buffer towards a client on this machine, in bytes (Linux doubles it). There a buffer that grows by need is filled while the
/// client runs: it empties it faster than it is filled, sleeps, and is woken for every 64 KiB, at this side's cost. A full one has this
/// side wait instead, and nothing is lost by it where there is no distance.
const LOCAL_SEND_BUFFER: usize = 200 << 10;

/// What a node listens on and dials over.
#[derive(Clone, Default)]
pub enum Network {
    /// The machine's own.
    #[default]
    Tcp,
    #[cfg(any(test, feature = "sim"))]
    Fabric(Port),
    /// The machine's own, where a test cuts what is between nodes.
    #[cfg(feature = "faults")]
    Linked(Plug),
}

impl Network {
    /// Connects to a listener.
    pub async fn connect(&self, host: &str, port: u16) -> io::Result<Socket> {
        match self {
            Network::Tcp => {
                let socket = TcpStream::connect((host, port)).await?;
                socket.set_nodelay(true)?;
                Ok(Socket::Tcp(socket))
            }
            #[cfg(any(test, feature = "sim"))]
            Network::Fabric(here) => Ok(Socket::Wire(here.connect(host, port).await?)),
            #[cfg(feature = "faults")]
            Network::Linked(plug) => Ok(Socket::Linked(plug.connect(host, port).await?)),
        }
    }

    /// Listens. An empty host means all interfaces; port 0 any free one.
    pub fn listen(&self, host: &str, port: u16) -> io::Result<Listener> {
        let host = if host.is_empty() { "0.0.0.0" } else { host };
        let addr = (host, port)
            .to_socket_addrs()?
            .next()
            .ok_or(io::ErrorKind::NotFound)?;
        match self {
            Network::Tcp => Ok(Listener::Tcp(listen(addr)?)),
            #[cfg(feature = "faults")]
            Network::Linked(plug) => {
                let socket = listen(addr)?;
                plug.listens(socket.local_addr()?.port());
                Ok(Listener::Tcp(socket))
            }
            #[cfg(any(test, feature = "sim"))]
            Network::Fabric(here) => Ok(Listener::Fabric(here.listen(addr)?)),
        }
    }
}

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let domain = Domain::for_address(addr);
    let socket = RawSocket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// A socket that listens.
pub enum Listener {
    Tcp(TcpListener),
    #[cfg(any(test, feature = "sim"))]
    Fabric(Doorway),
}

impl Listener {
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Listener::Tcp(socket) => socket.local_addr(),
            #[cfg(any(test, feature = "sim"))]
            Listener::Fabric(doorway) => Ok(doorway.addr()),
        }
    }

    /// The process has only those file descriptors left that are kept back from clients.
    pub fn only_kept_back_left(&self) -> bool {
        match self {
            Listener::Tcp(socket) => scarce::only_kept_back_left(socket),
            #[cfg(any(test, feature = "sim"))]
            Listener::Fabric(_) => false,
        }
    }

    /// The next connection, and who made it. Nothing is lost if this is given up.
    pub async fn accept(&self) -> io::Result<(Detached, SocketAddr)> {
        match self {
            Listener::Tcp(socket) => {
                let (socket, addr) = socket.accept().await?;
                if let Err(e) = socket.set_nodelay(true) {
                    tracing::debug!(%addr, "no TCP_NODELAY: {e}");
                }
                if socket.local_addr().is_ok_and(|own| own.ip() == addr.ip())
                    && let Err(e) = SockRef::from(&socket).set_send_buffer_size(LOCAL_SEND_BUFFER)
                {
                    tracing::debug!(%addr, "no SO_SNDBUF: {e}");
                }
                Ok((Detached::Tcp(socket.into_std()?), addr))
            }
            #[cfg(any(test, feature = "sim"))]
            Listener::Fabric(doorway) => {
                let (wire, addr) = doorway.accept().await;
                Ok((Detached::Wire(wire), addr))
            }
        }
    }
}

/// A socket that belongs to no runtime yet.
pub enum Detached {
    Tcp(std::net::TcpStream),
    #[cfg(any(test, feature = "sim"))]
    Wire(Wire),
}

impl Detached {
    /// Its file descriptor is one of the last.
    pub fn is_kept_back(&self) -> bool {
        match self {
            Detached::Tcp(socket) => scarce::is_kept_back(socket.as_raw_fd()),
            #[cfg(any(test, feature = "sim"))]
            Detached::Wire(_) => false,
        }
    }

    /// Gives it to the runtime of this task.
    pub fn attach(self) -> io::Result<Socket> {
        Ok(match self {
            Detached::Tcp(socket) => Socket::Tcp(TcpStream::from_std(socket)?),
            #[cfg(any(test, feature = "sim"))]
            Detached::Wire(wire) => Socket::Wire(wire),
        })
    }
}

/// One connection.
pub enum Socket {
    Tcp(TcpStream),
    #[cfg(any(test, feature = "sim"))]
    Wire(Wire),
    #[cfg(feature = "faults")]
    Linked(Linked),
}

impl Socket {
    /// Writes what there is room for. `WouldBlock` if there is none.
    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Socket::Tcp(socket) => socket.try_write_vectored(slices),
            #[cfg(any(test, feature = "sim"))]
            Socket::Wire(wire) => wire.try_write_vectored(slices),
            #[cfg(feature = "faults")]
            Socket::Linked(linked) => linked.try_write_vectored(slices),
        }
    }

    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Tcp(socket) => socket.poll_write_ready(cx),
            #[cfg(any(test, feature = "sim"))]
            Socket::Wire(wire) => wire.poll_write_ready(cx),
            #[cfg(feature = "faults")]
            Socket::Linked(linked) => linked.poll_write_ready(cx),
        }
    }

    /// Writes from one descriptor to the other without a copy, if the socket has one.
    pub fn try_sendfile(
        &self,
        file: BorrowedFd<'_>,
        position: u64,
        len: usize,
    ) -> Option<io::Result<usize>> {
        match self {
            Socket::Tcp(socket) => Some(socket.try_io(tokio::io::Interest::WRITABLE, || {
                let mut at = position;
                Ok(rustix::fs::sendfile(
                    socket.as_fd(),
                    file,
                    Some(&mut at),
                    len,
                )?)
            })),
            #[cfg(any(test, feature = "sim"))]
            Socket::Wire(_) => None,
            #[cfg(feature = "faults")]
            Socket::Linked(_) => None,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Tcp(socket) => Pin::new(socket).poll_read(cx, buf),
            #[cfg(any(test, feature = "sim"))]
            Socket::Wire(wire) => wire.poll_read(cx, buf),
            #[cfg(feature = "faults")]
            Socket::Linked(linked) => linked.poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Tcp(socket) => Pin::new(socket).poll_write(cx, buf),
            #[cfg(any(test, feature = "sim"))]
            Socket::Wire(wire) => match wire.try_write_vectored(&[IoSlice::new(buf)]) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    std::task::ready!(wire.poll_write_ready(cx))?;
                    Poll::Ready(wire.try_write_vectored(&[IoSlice::new(buf)]))
                }
                written => Poll::Ready(written),
            },
            #[cfg(feature = "faults")]
            Socket::Linked(linked) => linked.poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Neither holds anything back.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            #[cfg(any(test, feature = "sim"))]
            Socket::Wire(wire) => {
                wire.shut_down();
                Poll::Ready(Ok(()))
            }
            #[cfg(feature = "faults")]
            Socket::Linked(linked) => linked.poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the kernel tells it: twice what was asked for, of which half is its own.
    async fn send_buffer_towards(listener: &Listener, host: &str) -> usize {
        let to = listener.local_addr().unwrap();
        let client = RawSocket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let from: SocketAddr = format!("{host}:0").parse().unwrap();
        client.bind(&from.into()).unwrap();
        client.connect(&to.into()).unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let Detached::Tcp(socket) = accepted else {
            unreachable!("it listens on TCP")
        };
        SockRef::from(&socket).send_buffer_size().unwrap()
    }

    #[tokio::test]
    async fn a_client_on_this_machine_has_a_small_send_buffer() {
        let listener = Network::Tcp.listen("127.0.0.1", 0).unwrap();
        let own = send_buffer_towards(&listener, "127.0.0.1").await;
        assert!(
            (LOCAL_SEND_BUFFER..=2 * LOCAL_SEND_BUFFER).contains(&own),
            "{own}"
        );
        let other = send_buffer_towards(&listener, "127.0.0.2").await;
        assert_ne!(other, own, "it grows by need");
    }
}
