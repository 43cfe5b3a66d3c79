//! Walking the batches of a segment: headers only (lookups, rebuilt tables), or whole batches with their CRC (recovery).
//!
//! Always holds: a header that is given out continues the one before it (offsets rise) and its batch ends within the limit; bytes
//! that the medium does not give are bad bytes like others. Must never: skip over bytes that are no batch by itself; the caller
//! decides what damage means.

use airis_protocol::batch::{self, BatchError, BatchHeader, HEADER_LEN};

use crate::disk::{DiskFile, is_unreadable};
use crate::limits::{BLOCK, HEADER_CHUNK, SKIPS_EXACT_MAX};

/// Why a walk stopped before its limit.
#[derive(Debug)]
pub(crate) enum Stop {
    Io(std::io::Error),
    /// What lies at this position is no batch that continues the log.
    Bad {
        position: u64,
        why: Bad,
    },
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Bad {
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error("{left} bytes are left of a batch of {size}")]
    Torn { size: u64, left: u64 },
    #[error("base offset {base} where at least {least} is due")]
    Offset { base: i64, least: i64 },
    #[error("last offset delta {0}")]
    LastDelta(i32),
    #[error("the disk does not give byte {at}")]
    Unreadable { at: u64 },
}

/// Walks from a batch's start to `end`. Small batches are read many at a time, large ones cost a read of their header.
pub(crate) struct Walk<'a> {
    file: &'a dyn DiskFile,
    position: u64,
    end: u64,
    /// The lowest offset that may come.
    least: i64,
    buf: Vec<u8>,
    buf_at: u64,
    chunk: usize,
    check_crc: bool,
}

impl<'a> Walk<'a> {
    pub fn headers(file: &'a dyn DiskFile, position: u64, end: u64, least: i64) -> Self {
        Walk {
            file,
            position,
            end,
            least,
            buf: Vec::new(),
            buf_at: 0,
            chunk: HEADER_CHUNK,
            check_crc: false,
        }
    }

    /// Checks CRCs too, and gives whole batches by [`Walk::bytes`].
    pub fn whole(
        file: &'a dyn DiskFile,
        position: u64,
        end: u64,
        least: i64,
        chunk: usize,
    ) -> Self {
        Walk {
            check_crc: true,
            chunk,
            ..Walk::headers(file, position, end, least)
        }
    }

    /// Where the next batch is expected.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Goes on elsewhere, after damage.
    pub fn jump(&mut self, position: u64) {
        self.position = position;
    }

    pub fn least(&self) -> i64 {
        self.least
    }

    /// Forgets what the last batch said of itself: its offset was wrong.
    pub fn back_to(&mut self, least: i64) {
        self.least = least;
    }

    /// Makes `len` bytes at `at` available, reading ahead up to the chunk. Fewer if the segment ends.
    fn fill(&mut self, at: u64, len: usize) -> Result<&[u8], Stop> {
        let position = self.position;
        match self.load(at, len)? {
            (bytes, false) => Ok(bytes),
            (bytes, true) => Err(Stop::Bad {
                position,
                why: Bad::Unreadable {
                    at: at + bytes.len() as u64,
                },
            }),
        }
    }

    /// As [`Walk::fill`]; fewer also where the medium gives no more, which it then says.
    fn load(&mut self, at: u64, len: usize) -> Result<(&[u8], bool), Stop> {
        let have = self.buf_at..self.buf_at + self.buf.len() as u64;
        let mut cut_short = false;
        if at < have.start || at + len as u64 > have.end {
            let want = (len.max(self.chunk) as u64).min(self.end.saturating_sub(at)) as usize;
            self.buf.resize(want, 0);
            self.buf_at = at;
            let mut got = 0;
            while got < want {
                match self.file.read_at(at + got as u64, &mut self.buf[got..]) {
                    Ok(0) => break,
                    Ok(n) => got += n,
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(e) if is_unreadable(&e) => {
                        cut_short = got < len.min(want);
                        break;
                    }
                    Err(e) => {
                        self.buf.clear();
                        return Err(Stop::Io(e));
                    }
                }
            }
            self.buf.truncate(got);
        }
        let from = (at - self.buf_at) as usize;
        let to = (from + len).min(self.buf.len());
        Ok((&self.buf[from..to], cut_short))
    }

    fn judge(&mut self) -> Result<Result<BatchHeader, Bad>, Stop> {
        let (position, end, least) = (self.position, self.end, self.least);
        let left = end - position;
        let bytes = self.fill(position, HEADER_LEN)?;
        let header = match BatchHeader::read(bytes) {
            Ok(header) => header,
            Err(e) => return Ok(Err(e.into())),
        };
        let size = header.size() as u64;
        if size > left {
            return Ok(Err(Bad::Torn { size, left }));
        }
        if header.base_offset < least {
            let base = header.base_offset;
            return Ok(Err(Bad::Offset { base, least }));
        }
        if header.last_offset_delta < 0 {
            return Ok(Err(Bad::LastDelta(header.last_offset_delta)));
        }
        if self.check_crc {
            let whole = self.fill(position, size as usize)?;
            if (whole.len() as u64) < size {
                let left = whole.len() as u64;
                return Ok(Err(Bad::Torn { size, left }));
            }
            if let Err(e) = batch::check_crc(&header, whole) {
                return Ok(Err(e.into()));
            }
        }
        Ok(Ok(header))
    }

    /// The next batch's header and position; `None` at the end.
    pub fn next(&mut self) -> Result<Option<(u64, BatchHeader)>, Stop> {
        if self.position >= self.end {
            return Ok(None);
        }
        let position = self.position;
        match self.judge()? {
            Ok(header) => {
                self.position += header.size() as u64;
                self.least = header.next_offset().0;
                Ok(Some((position, header)))
            }
            Err(why) => Err(Stop::Bad { position, why }),
        }
    }

    /// The bytes of a batch that the walk has passed or stands before.
    pub fn bytes(&mut self, position: u64, header: &BatchHeader) -> Result<&[u8], Stop> {
        let size = header.size();
        let bytes = self.fill(position, size)?;
        if bytes.len() < size {
            return Err(Stop::Io(std::io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(bytes)
    }

    /// Looks for a whole, valid batch behind damage, from `self.position() + 1` on, at most `reach` bytes away.
    pub fn resync(&mut self, reach: u64) -> Result<Option<u64>, Stop> {
        let damaged = self.position;
        let crc = std::mem::replace(&mut self.check_crc, true);
        let found = self.search(damaged, reach);
        self.check_crc = crc;
        self.position = damaged;
        found
    }

    fn search(&mut self, damaged: u64, reach: u64) -> Result<Option<u64>, Stop> {
        let stop = self.end.min(damaged.saturating_add(reach));
        let mut at = damaged + 1;
        let mut skips = 0;
        while at + HEADER_LEN as u64 <= stop {
            // Only a byte 2 where the magic would be is worth a closer look.
            let (window, cut_short) = self.load(at, HEADER_LEN.max(self.chunk))?;
            if window.len() < HEADER_LEN {
                if !cut_short {
                    break;
                }
                // Each try may take a broken disk seconds: block by block first, then in strides.
                let bad = at + window.len() as u64;
                let stride = BLOCK << u32::saturating_sub(skips, SKIPS_EXACT_MAX).min(16);
                at = (bad / BLOCK + 1) * BLOCK + (stride - BLOCK);
                skips += 1;
                continue;
            }
            let last = window.len() - HEADER_LEN;
            let candidates: Vec<usize> = (0..=last)
                .filter(|i| window[i + batch::at::MAGIC] == batch::MAGIC as u8)
                .collect();
            for i in candidates {
                self.position = at + i as u64;
                if let Ok(Ok(_)) = self.judge() {
                    return Ok(Some(self.position));
                }
            }
            at += last as u64 + 1;
        }
        Ok(None)
    }
}
