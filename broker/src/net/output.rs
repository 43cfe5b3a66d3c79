//! The bytes that wait to be sent on one connection: chunks in memory and ranges of files.
//!
//! Always holds: chunks leave in order; file ranges are sent from where they lie (`sendfile`) and never held in memory whole, but for
//! small ones: those are read and leave with what stands around them in one write. Must never: block on a socket.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use airis_protocol::wire::{Chunk, Encoded};
use bytes::{Buf, Bytes};

use super::socket::Socket;

/// Most pieces given to one vectored write.
const SLICES_MAX: usize = 32;
/// Most bytes given to one `sendfile`: large enough to be cheap (256 KiB and more), small enough to let others run.
const SENDFILE_MAX: usize = 1024 * 1024;
/// The largest range that is read into memory: copying so much costs less than two more system calls.
const SMALL_MAX: usize = 16 * 1024;
/// Bytes of small ranges that are read ahead of the socket.
const SMALL_AHEAD_MAX: usize = 64 * 1024;
/// Bytes read at a time from a source that has no file descriptor.
const COPY: usize = 256 * 1024;

/// What waits to be sent.
#[derive(Debug, Default)]
pub struct Output {
    chunks: VecDeque<Chunk>,
    /// Bytes in `chunks`.
    len: usize,
}

impl Output {
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Bytes waiting.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn push(&mut self, frame: Encoded) {
        self.len += frame.len;
        self.chunks.extend(frame.chunks);
    }

    /// Sends as much as the socket takes now. `WouldBlock` if something is left and the socket is full.
    pub fn send(&mut self, socket: &Socket) -> io::Result<()> {
        loop {
            self.read_small()?;
            let Some(front) = self.chunks.front_mut() else {
                return Ok(());
            };
            let sent = match front {
                Chunk::Bytes(_) => self.send_bytes(socket)?,
                Chunk::File(range) if range.len == 0 => 0,
                Chunk::File(range) => match range.source.as_fd().and_then(|file| {
                    let want = (range.len as usize).min(SENDFILE_MAX);
                    socket.try_sendfile(file, range.position, want)
                }) {
                    Some(sent) => sent?,
                    None => {
                        // No descriptor (a simulated disk or network): read a piece into memory and send it from there.
                        let mut buf = vec![0; (range.len as usize).min(COPY)];
                        let n = range.source.read_at(range.position, &mut buf)?;
                        buf.truncate(n);
                        range.position += n as u64;
                        range.len -= n as u32;
                        if n > 0 {
                            self.chunks.push_front(Chunk::Bytes(Bytes::from(buf)));
                            continue;
                        }
                        0
                    }
                },
            };
            self.advance(sent)?;
        }
    }

    /// Reads the small ranges among the next pieces.
    fn read_small(&mut self) -> io::Result<()> {
        let mut ahead = 0;
        for chunk in self.chunks.iter_mut().take(SLICES_MAX) {
            let Chunk::File(range) = chunk else { continue };
            let len = range.len as usize;
            ahead += len;
            if len == 0 || len > SMALL_MAX || ahead > SMALL_AHEAD_MAX {
                return Ok(());
            }
            let mut buf = vec![0; len];
            let mut read = 0;
            while read < len {
                match range
                    .source
                    .read_at(range.position + read as u64, &mut buf[read..])?
                {
                    0 => return Err(cut_short()),
                    n => read += n,
                }
            }
            *chunk = Chunk::Bytes(Bytes::from(buf));
        }
        Ok(())
    }

    fn send_bytes(&self, socket: &Socket) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let mut n = 0;
        for chunk in self.chunks.iter().take(SLICES_MAX) {
            match chunk {
                Chunk::Bytes(bytes) => slices[n] = IoSlice::new(bytes),
                Chunk::File(_) => break,
            }
            n += 1;
        }
        match socket.try_write_vectored(&slices[..n])? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            sent => Ok(sent),
        }
    }

    /// Takes `sent` bytes off the front.
    fn advance(&mut self, mut sent: usize) -> io::Result<()> {
        self.len -= sent;
        loop {
            match self.chunks.front_mut() {
                None => return Ok(()),
                Some(Chunk::Bytes(bytes)) => {
                    if sent < bytes.len() {
                        bytes.advance(sent);
                        return Ok(());
                    }
                    sent -= bytes.len();
                    self.chunks.pop_front();
                }
                Some(Chunk::File(range)) => {
                    if range.len == 0 {
                        self.chunks.pop_front();
                    } else if sent == 0 {
                        // The file ended before the range did: the response cannot be completed.
                        return Err(cut_short());
                    } else {
                        range.position += sent as u64;
                        range.len -= sent as u32;
                        sent = 0;
                        if range.len > 0 {
                            return Ok(());
                        }
                        self.chunks.pop_front();
                    }
                }
            }
            if sent == 0 {
                return Ok(());
            }
        }
    }
}

fn cut_short() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "a log file is shorter than the range to be sent from it",
    )
}
