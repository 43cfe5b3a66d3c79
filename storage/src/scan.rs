//! Walking the batches of a segment: headers only (lookups, rebuilt tables), or whole batches with their CRC (recovery).
//!
//! Always holds: a header that is given out continues the one before it (offsets rise) and its batch ends within the limit; bytes
//! that the medium does not give are bad bytes like others. Must never: skip over bytes that are no batch by itself; the caller
//! decides what damage means.

use airis_protocol::batch::{self, BatchError, BatchHeader, HEADER_LEN, PiecewiseCrc};

use crate::disk::{DiskFile, is_unreadable};
use crate::limits::{BLOCK, CHECK_CHUNK, HEADER_CHUNK, SKIPS_EXACT_MAX};

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
    crc: Crc,
}

/// What is checked beside the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crc {
    Not,
    /// The whole batch is read, and can be had.
    Whole,
    /// It is read piece by piece, so that the pieces are checked where they still lie in the processor's cache.
    Pieces,
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
            crc: Crc::Not,
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
            crc: Crc::Whole,
            chunk,
            ..Walk::headers(file, position, end, least)
        }
    }

    /// Checks CRCs too, and keeps nothing.
    pub fn checked(file: &'a dyn DiskFile, position: u64, end: u64, least: i64) -> Self {
        Walk {
            crc: Crc::Pieces,
            chunk: CHECK_CHUNK,
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
        if self.crc == Crc::Pieces {
            return Ok(self.check_pieces(position, &header)?.map(|()| header));
        }
        if self.crc == Crc::Whole {
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

    fn check_pieces(
        &mut self,
        position: u64,
        header: &BatchHeader,
    ) -> Result<Result<(), Bad>, Stop> {
        let end = position + header.size() as u64;
        let mut at = position + batch::at::ATTRIBUTES as u64;
        let mut crc = PiecewiseCrc::default();
        while at < end {
            if self.fill(at, 1)?.is_empty() {
                let (size, left) = (end - position, at - position);
                return Ok(Err(Bad::Torn { size, left }));
            }
            let from = (at - self.buf_at) as usize;
            let piece = &self.buf[from..];
            let piece = &piece[..piece.len().min((end - at) as usize)];
            crc.add(piece);
            at += piece.len() as u64;
        }
        Ok(crc.check(header).map_err(Bad::from))
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
        let crc = self.crc;
        if crc == Crc::Not {
            self.crc = Crc::Whole;
        }
        let found = self.search(damaged, reach);
        self.crc = crc;
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

/// What a survey has come upon.
#[derive(Debug)]
pub(crate) enum Met {
    Batch(u64, BatchHeader),
    /// A whole batch whose offset has gone bad, as the next one tells: no CRC covers offsets. It ends at `to`, where offset `next` comes;
    /// `first` would have been due.
    Misnumbered {
        from: u64,
        to: u64,
        first: i64,
        next: i64,
    },
    /// What lies at this position is no batch. The survey goes on only after [`Survey::resync`].
    Bad {
        position: u64,
        why: Bad,
    },
    End,
}

/// A walk over whole batches that believes no offset before the next batch has borne it out: one that leaves others out before it (compaction does
/// that, and so does an offset that has gone bad), or one at or beyond `limit`.
pub(crate) struct Survey<'a> {
    walk: Walk<'a>,
    limit: i64,
    expected: i64,
    /// In doubt, and what was expected in its place.
    doubtful: Option<(u64, BatchHeader, i64)>,
    ready: Option<Met>,
}

impl<'a> Survey<'a> {
    /// Where `walk` stands, offset `expected` is due.
    pub fn new(walk: Walk<'a>, expected: i64, limit: i64) -> Self {
        Survey {
            walk,
            limit,
            expected,
            doubtful: None,
            ready: None,
        }
    }

    /// The offset that is due next.
    pub fn expected(&self) -> i64 {
        self.expected
    }

    pub fn position(&self) -> u64 {
        self.walk.position()
    }

    /// Goes on elsewhere, where offset `expected` is due.
    pub fn jump(&mut self, position: u64, expected: i64) {
        self.walk.jump(position);
        self.walk.back_to(expected);
        self.expected = expected;
    }

    pub fn next(&mut self) -> Result<Met, Stop> {
        loop {
            if let Some(met) = self.ready.take() {
                return Ok(met);
            }
            let met = match self.walk.next() {
                Ok(Some((at, header))) => {
                    let due = std::mem::replace(&mut self.expected, header.next_offset().0);
                    if header.base_offset > due || header.next_offset().0 > self.limit {
                        match self.doubtful.replace((at, header, due)) {
                            Some((at, header, _)) => return Ok(Met::Batch(at, header)),
                            None => continue,
                        }
                    }
                    Met::Batch(at, header)
                }
                Ok(None) => match self.doubtful.take() {
                    Some((from, header, first)) if header.next_offset().0 > self.limit => {
                        let (to, next) = (self.walk.position(), self.limit);
                        self.expected = next;
                        Met::Misnumbered {
                            from,
                            to,
                            first,
                            next,
                        }
                    }
                    Some((at, header, _)) => Met::Batch(at, header),
                    None => Met::End,
                },
                Err(Stop::Bad { position, why }) => match (self.doubtful.take(), &why) {
                    (Some((from, _, first)), Bad::Offset { base, .. }) if *base >= first => {
                        let next = *base;
                        self.jump(position, next);
                        return Ok(Met::Misnumbered {
                            from,
                            to: position,
                            first,
                            next,
                        });
                    }
                    (doubtful, _) => {
                        self.doubtful = doubtful;
                        Met::Bad { position, why }
                    }
                },
                Err(e) => return Err(e),
            };
            // What was in doubt comes first.
            match self.doubtful.take() {
                Some((at, header, _)) => {
                    self.ready = Some(met);
                    return Ok(Met::Batch(at, header));
                }
                None => return Ok(met),
            }
        }
    }

    /// Goes on at the next valid batch behind damage, at most `reach` bytes away, and tells where that is.
    pub fn resync(&mut self, reach: u64) -> Result<Option<u64>, Stop> {
        let next = self.walk.resync(reach)?;
        if let Some(next) = next {
            self.walk.jump(next);
        }
        Ok(next)
    }
}
