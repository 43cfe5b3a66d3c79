//! Bytes in, whole frames out: a frame is a size (i32, big endian) and as many bytes.
//!
//! Always holds: the buffer is at most about twice as large as the bytes that have really arrived, whatever size a frame
//! announces (more only for a sender that is trusted with so much); a frame above the limit is refused before anything is allocated
//! for it. Must never: read a socket itself.

use bytes::{Buf, Bytes, BytesMut};

/// Why the stream cannot be a stream of frames. The connection is of no use afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("frame of {0} bytes announced")]
    Negative(i32),
    #[error("frame of {len} bytes announced{}, at most {max} may be", hint(*.len))]
    TooLarge { len: usize, max: usize },
}

/// People point browsers and TLS clients at a plain port: their first four bytes, read as a size, give them away.
fn hint(len: usize) -> &'static str {
    match (len as u32).to_be_bytes() {
        [b'G', b'E', b'T', b' ']
        | [b'P', b'O', b'S', b'T']
        | [b'H', b'E', b'A', b'D']
        | [b'P', b'U', b'T', b' '] => " (the client seems to speak HTTP)",
        [0x16, 3, ..] => " (the client seems to speak TLS)",
        _ => "",
    }
}

/// Cuts a stream into frames.
#[derive(Debug)]
pub struct FrameDecoder {
    buf: BytesMut,
    max: usize,
    trust: usize,
}

impl FrameDecoder {
    /// The least room, in bytes, that is offered to a read.
    const ROOM: usize = 8 * 1024;
    /// After a frame larger than this the buffer starts anew, so that an idle connection does not hold on to a large one.
    const KEEP: usize = 64 * 1024;

    /// A decoder that refuses frames of more than `max` bytes (the size itself not counted).
    pub fn new(max: usize) -> Self {
        FrameDecoder {
            buf: BytesMut::new(),
            max,
            trust: 0,
        }
    }

    /// Up to so many bytes are allocated as soon as a frame announces them: nothing is copied while a buffer grows.
    pub fn trusting(self, trust: usize) -> Self {
        FrameDecoder { trust, ..self }
    }

    /// Changes the limit, from the next frame on. Before authentication it should be small.
    pub fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    /// The buffer to read the socket into, with room behind what is there already. Append only.
    pub fn room(&mut self) -> &mut BytesMut {
        if self.buf.capacity() - self.buf.len() < Self::ROOM / 2 {
            // Doubling: room for as much as has arrived, but not for more than the frame still lacks.
            let want = match self.announced() {
                Some(size) if size <= self.max => (4 + size)
                    .saturating_sub(self.buf.len())
                    .min(self.buf.len().max(self.trust)),
                _ => 0,
            };
            self.buf.reserve(want.max(Self::ROOM));
        }
        &mut self.buf
    }

    /// Appends bytes, for callers that have them in a slice.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// Bytes that have arrived and are not part of a frame handed out.
    pub fn buffered(&self) -> usize {
        self.buf.len()
    }

    /// Bytes allocated for them.
    pub fn capacity(&self) -> usize {
        self.buf.capacity()
    }

    fn announced(&self) -> Option<usize> {
        let size = i32::from_be_bytes(self.buf.get(..4)?.try_into().expect("four bytes"));
        usize::try_from(size).ok()
    }

    /// The size that the frame under way announces, if that much is known: to take a memory permit before it is read.
    pub fn pending(&self) -> Result<Option<usize>, FrameError> {
        let Some(size) = self.buf.get(..4) else {
            return Ok(None);
        };
        let size = i32::from_be_bytes(size.try_into().expect("four bytes"));
        let len = usize::try_from(size).map_err(|_| FrameError::Negative(size))?;
        if len > self.max {
            return Err(FrameError::TooLarge { len, max: self.max });
        }
        Ok(Some(len))
    }

    /// The next whole frame, without its size; `None` until more has arrived. A frame may be empty.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(len) = self.pending()? else {
            return Ok(None);
        };
        if self.buf.len() < 4 + len {
            return Ok(None);
        }
        self.buf.advance(4);
        let frame = self.buf.split_to(len).freeze();
        if len > Self::KEEP {
            self.buf = BytesMut::from(&self.buf[..]);
        }
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 100 * 1024 * 1024;

    #[test]
    fn frames_come_out_however_the_bytes_come_in() {
        let mut stream = Vec::new();
        let frames: Vec<Vec<u8>> = [0usize, 1, 3, 70_000, 5]
            .iter()
            .map(|n| vec![*n as u8; *n])
            .collect();
        for f in &frames {
            stream.extend_from_slice(&(f.len() as i32).to_be_bytes());
            stream.extend_from_slice(f);
        }
        for step in [1, 2, 3, 7, 4096, stream.len()] {
            let mut decoder = FrameDecoder::new(MAX);
            let mut out = Vec::new();
            for piece in stream.chunks(step) {
                decoder.room().extend_from_slice(piece);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    out.push(frame.to_vec());
                }
            }
            assert_eq!(out, frames, "step {step}");
            assert_eq!(decoder.buffered(), 0);
        }
    }

    // H1: sizes that no client of ours would send.
    #[test]
    fn absurd_sizes_are_refused_and_cost_nothing() {
        for (bytes, expected) in [
            (
                *b"\x7f\xff\xff\xff",
                "frame of 2147483647 bytes announced, at most 104857600 may be",
            ),
            (*b"\xff\xff\xff\xff", "frame of -1 bytes announced"),
            (
                *b"GET ",
                "frame of 1195725856 bytes announced (the client seems to speak HTTP), at most 104857600 may be",
            ),
            (
                *b"\x16\x03\x01\x02",
                "frame of 369295618 bytes announced (the client seems to speak TLS), at most 104857600 may be",
            ),
        ] {
            let mut decoder = FrameDecoder::new(MAX);
            decoder.feed(&bytes);
            assert_eq!(decoder.next_frame().unwrap_err().to_string(), expected);
            decoder.room();
            assert!(decoder.capacity() <= 2 * FrameDecoder::ROOM);
        }
        let mut decoder = FrameDecoder::new(10);
        decoder.feed(&[0, 0, 0, 11]);
        assert_eq!(
            decoder.next_frame(),
            Err(FrameError::TooLarge { len: 11, max: 10 })
        );
        decoder.set_max(11);
        assert_eq!(decoder.next_frame(), Ok(None));
        // A limit above i32 cannot make a negative size acceptable.
        let mut decoder = FrameDecoder::new(usize::MAX);
        decoder.feed(&[0x80, 0, 0, 0]);
        assert_eq!(decoder.next_frame(), Err(FrameError::Negative(i32::MIN)));
    }

    // H2: announces 95 MB, sends a little.
    #[test]
    fn the_buffer_grows_with_what_arrives_not_with_what_is_announced() {
        let mut decoder = FrameDecoder::new(MAX);
        let announced = 95 * 1024 * 1024;
        decoder.feed(&(announced as i32).to_be_bytes());
        decoder.feed(&[0; 10]);
        let mut arrived = 14;
        while arrived < 4 * 1024 * 1024 {
            assert_eq!(decoder.next_frame(), Ok(None));
            assert_eq!(decoder.pending(), Ok(Some(announced)));
            let room = decoder.room();
            let n = (room.capacity() - room.len()).min(3000);
            assert!(n > 0);
            room.extend_from_slice(&vec![0; n]);
            arrived += n;
            assert!(
                decoder.capacity() <= 2 * arrived + 2 * FrameDecoder::ROOM,
                "{} for {arrived}",
                decoder.capacity()
            );
        }
    }

    #[test]
    fn who_is_trusted_gets_room_for_what_is_announced() {
        const TRUST: usize = 1024 * 1024;
        for (announced, room) in [(700_000i32, 700_000), (90_000_000, TRUST)] {
            let mut decoder = FrameDecoder::new(MAX).trusting(TRUST);
            decoder.feed(&announced.to_be_bytes());
            decoder.room();
            let capacity = decoder.capacity();
            assert!(
                (room..=room + 2 * FrameDecoder::ROOM).contains(&capacity),
                "{capacity}"
            );
        }
    }

    #[test]
    fn a_large_frame_does_not_leave_a_large_buffer() {
        let mut decoder = FrameDecoder::new(MAX);
        decoder.feed(&(1_000_000i32).to_be_bytes());
        decoder.feed(&vec![1; 1_000_000]);
        decoder.feed(&[0, 0, 0, 1, 9]);
        assert_eq!(decoder.next_frame().unwrap().unwrap().len(), 1_000_000);
        assert!(decoder.capacity() < FrameDecoder::ROOM);
        assert_eq!(decoder.next_frame().unwrap().unwrap()[..], [9]);
    }
}
