//! The four codecs of record batches, as the Java client frames them.
//!
//! Always holds: decompression is a stream; what comes out is counted and stops at a limit, and a length that the input claims is
//! compared with what it could be before memory is taken for it (decompression bombs). Must never: trust a frame's own sizes, or
//! write what a Java consumer cannot read (it knows snappy in xerial's framing and lz4 with independent blocks only).

use std::io::{self, Read, Write};

use bytes::Bytes;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

/// How the records of a batch are compressed. The numbers are those of the attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Codec {
    #[default]
    None = 0,
    Gzip = 1,
    Snappy = 2,
    Lz4 = 3,
    Zstd = 4,
}

impl Codec {
    pub const ALL: [Codec; 5] = [
        Codec::None,
        Codec::Gzip,
        Codec::Snappy,
        Codec::Lz4,
        Codec::Zstd,
    ];

    /// The codec of these three bits; 5, 6 and 7 are none.
    pub fn from_id(id: u8) -> Option<Codec> {
        Codec::ALL.get(usize::from(id)).copied()
    }

    pub fn id(self) -> u8 {
        self as u8
    }

    /// The name in `compression.type`.
    pub fn name(self) -> &'static str {
        match self {
            Codec::None => "none",
            Codec::Gzip => "gzip",
            Codec::Snappy => "snappy",
            Codec::Lz4 => "lz4",
            Codec::Zstd => "zstd",
        }
    }

    /// The codec of this name; `uncompressed` is the topic config's word for none.
    pub fn from_name(name: &str) -> Option<Codec> {
        match name {
            "uncompressed" => Some(Codec::None),
            _ => Codec::ALL.into_iter().find(|c| c.name() == name),
        }
    }
}

/// Levels of `compression.gzip.level`: 1 to 9; -1 is zlib's default (6).
pub const GZIP_LEVEL_DEFAULT: i32 = -1;
/// Levels of `compression.lz4.level`: 1 to 17.
pub const LZ4_LEVEL_DEFAULT: i32 = 9;
/// Levels of `compression.zstd.level`: -131072 to 22.
pub const ZSTD_LEVEL_DEFAULT: i32 = 3;

/// Snappy compresses at most so many bytes as one block, as Java's stream does.
const SNAPPY_BLOCK: usize = 32 * 1024;
/// Before the blocks of a snappy stream: a magic, version 1, compatible with version 1.
const XERIAL_HEADER: [u8; 16] = [
    0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1,
];
const XERIAL_MAGIC: &[u8] = XERIAL_HEADER.split_at(8).0;
/// Snappy's densest element is a copy of 64 bytes in 3; a claim beyond this ratio is a lie.
const SNAPPY_RATIO_MAX: usize = 32;
/// Zstd frames may ask for a window of at most 2^27 bytes, as the Java client allows.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// Decompressed bytes are taken in steps of this size.
const STEP: usize = 64 * 1024;

/// Why compressed bytes cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecompressError {
    /// The input is within its rights, but larger than the reader is willing to hold.
    #[error("decompressed records are larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("{codec} data is damaged: {cause}", codec = .codec.name())]
    Damaged { codec: Codec, cause: io::Error },
}

/// Compresses at the codec's default level, or at `level` where it has levels. `None` copies.
pub fn compress(codec: Codec, level: Option<i32>, data: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(data.len() / 2 + 64);
    compress_into(codec, level, data, &mut out);
    out.into()
}

/// As [`compress`], appending to `out`.
pub fn compress_into(codec: Codec, level: Option<i32>, data: &[u8], out: &mut Vec<u8>) {
    // Writing into memory cannot fail, and the sizes are within what every codec takes.
    const SURE: &str = "compressing into memory succeeds";
    match codec {
        Codec::None => out.extend_from_slice(data),
        Codec::Gzip => {
            let level = match level.unwrap_or(GZIP_LEVEL_DEFAULT) {
                n @ 0..=9 => flate2::Compression::new(n as u32),
                _ => flate2::Compression::default(),
            };
            let mut w = GzEncoder::new(out, level);
            w.write_all(data).expect(SURE);
            w.finish().expect(SURE);
        }
        Codec::Snappy => {
            out.extend_from_slice(&XERIAL_HEADER);
            let mut encoder = snap::raw::Encoder::new();
            for block in data.chunks(SNAPPY_BLOCK) {
                let at = out.len();
                out.resize(at + 4 + snap::raw::max_compress_len(block.len()), 0);
                let len = encoder.compress(block, &mut out[at + 4..]).expect(SURE);
                out[at..at + 4].copy_from_slice(&(len as u32).to_be_bytes());
                out.truncate(at + 4 + len);
            }
        }
        Codec::Lz4 => {
            // The level chooses among lz4's high-compression searches, which this encoder does not have; any reader takes its output.
            let info = FrameInfo::new()
                .block_size(BlockSize::Max64KB)
                .block_mode(BlockMode::Independent);
            let mut w = FrameEncoder::with_frame_info(info, out);
            w.write_all(data).expect(SURE);
            w.finish().expect(SURE);
        }
        Codec::Zstd => {
            let level = level.unwrap_or(ZSTD_LEVEL_DEFAULT);
            let mut w = zstd::stream::write::Encoder::new(out, level).expect(SURE);
            // Known sizes let small batches use small tables.
            w.set_pledged_src_size(Some(data.len() as u64)).expect(SURE);
            w.write_all(data).expect(SURE);
            w.finish().expect(SURE);
        }
    }
}

/// Decompresses all of `data` into at most `limit` bytes.
pub fn decompress(codec: Codec, data: &[u8], limit: usize) -> Result<Vec<u8>, DecompressError> {
    let mut reader = Decompressor::new(codec, data, limit)?;
    let mut out = Vec::new();
    loop {
        let at = out.len();
        // Grows with what really came out: doubling at most.
        out.resize(at + STEP.max(at / 2), 0);
        let mut end = at;
        while end < out.len() {
            match reader.read_some(&mut out[end..])? {
                0 => {
                    out.truncate(end);
                    return Ok(out);
                }
                n => end += n,
            }
        }
    }
}

/// A stream of decompressed bytes that ends with an error when more than `limit` come.
pub struct Decompressor<'a> {
    codec: Codec,
    limit: usize,
    /// Bytes that may still come.
    left: usize,
    stream: Stream<'a>,
}

enum Stream<'a> {
    None(&'a [u8]),
    Gzip(GzipReader<'a>),
    Snappy(SnappyReader<'a>),
    Lz4(Box<FrameDecoder<&'a [u8]>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, &'a [u8]>>),
}

impl<'a> Decompressor<'a> {
    pub fn new(codec: Codec, data: &'a [u8], limit: usize) -> Result<Self, DecompressError> {
        let damaged = |cause| DecompressError::Damaged { codec, cause };
        let stream = match codec {
            Codec::None => Stream::None(data),
            Codec::Gzip => Stream::Gzip(GzipReader(Box::new(GzDecoder::new(data)))),
            Codec::Snappy => Stream::Snappy(SnappyReader::new(data).map_err(damaged)?),
            Codec::Lz4 => {
                let frame = lz4_frame(data).map_err(damaged)?;
                Stream::Lz4(Box::new(FrameDecoder::new(frame)))
            }
            Codec::Zstd => {
                let mut decoder =
                    zstd::stream::read::Decoder::with_buffer(data).map_err(damaged)?;
                decoder
                    .window_log_max(ZSTD_WINDOW_LOG_MAX)
                    .map_err(damaged)?;
                Stream::Zstd(Box::new(decoder))
            }
        };
        Ok(Decompressor {
            codec,
            limit,
            left: limit,
            stream,
        })
    }

    /// Reads at least one byte, 0 at the end. One byte more than the limit is an error.
    pub fn read_some(&mut self, buf: &mut [u8]) -> Result<usize, DecompressError> {
        if buf.is_empty() {
            return Ok(0);
        }
        // With nothing left, one byte is asked for: its coming is the error.
        let room = buf.len().min(self.left.max(1));
        let result = match &mut self.stream {
            Stream::None(data) => data.read(&mut buf[..room]),
            Stream::Gzip(r) => r.read(&mut buf[..room]),
            Stream::Snappy(r) => r.read(&mut buf[..room], self.left),
            Stream::Lz4(r) => r.read(&mut buf[..room]),
            Stream::Zstd(r) => r.read(&mut buf[..room]),
        };
        match result {
            Ok(n) if n > self.left => Err(DecompressError::TooLarge { limit: self.limit }),
            Ok(n) => {
                self.left -= n;
                Ok(n)
            }
            Err(e) if e.kind() == io::ErrorKind::FileTooLarge => {
                Err(DecompressError::TooLarge { limit: self.limit })
            }
            Err(cause) => Err(DecompressError::Damaged {
                codec: self.codec,
                cause,
            }),
        }
    }
}

fn invalid(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// Cuts out the one frame that a Java reader of lz4 takes, or tells what it would not take: another version than 1, blocks that
/// depend on each other, a dictionary, a missing end mark. `lz4_flex` does not insist on these. Block by block, nothing decompressed.
fn lz4_frame(data: &[u8]) -> io::Result<&[u8]> {
    const END: io::ErrorKind = io::ErrorKind::UnexpectedEof;
    let word = |at: usize| {
        let bytes = data.get(at..at + 4).ok_or(END)?;
        Ok::<u32, io::Error>(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    };
    if word(0)? != 0x184d_2204 {
        return Err(invalid("not an lz4 frame"));
    }
    let flags = *data.get(4).ok_or(END)?;
    if flags >> 6 != 1 || flags & 0x03 != 0 {
        return Err(invalid("unsupported lz4 frame flags"));
    }
    if flags & 0x20 == 0 {
        return Err(invalid("lz4 blocks that depend on each other"));
    }
    let block_checksum = if flags & 0x10 != 0 { 4 } else { 0 };
    let content_size = if flags & 0x08 != 0 { 8 } else { 0 };
    let content_checksum = if flags & 0x04 != 0 { 4 } else { 0 };
    // Magic, flags, block descriptor, size of the content, checksum of the header.
    let mut at = 4 + 2 + content_size + 1;
    loop {
        let size = (word(at)? & 0x7fff_ffff) as usize;
        at += 4;
        if size == 0 {
            return data.get(..at + content_checksum).ok_or(END.into());
        }
        at += size + block_checksum;
    }
}

/// Gzip members one behind the other. What lies behind the last and is none is left alone, as Java's stream does.
struct GzipReader<'a>(Box<GzDecoder<&'a [u8]>>);

impl GzipReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buf)? {
                0 if self.0.get_ref().starts_with(&[0x1f, 0x8b]) => {
                    *self.0 = GzDecoder::new(*self.0.get_ref());
                }
                n => return Ok(n),
            }
        }
    }
}

/// Xerial's stream of snappy blocks, or one bare block: the Java client takes what does not begin with xerial's magic for that.
struct SnappyReader<'a> {
    input: &'a [u8],
    framed: bool,
    block: Vec<u8>,
    at: usize,
}

impl<'a> SnappyReader<'a> {
    fn new(data: &'a [u8]) -> io::Result<Self> {
        let framed = data.starts_with(XERIAL_MAGIC);
        let mut input = data;
        if framed {
            input = data
                .get(XERIAL_HEADER.len()..)
                .ok_or(io::ErrorKind::UnexpectedEof)?;
        }
        Ok(SnappyReader {
            input,
            framed,
            block: Vec::new(),
            at: 0,
        })
    }

    fn read(&mut self, buf: &mut [u8], left: usize) -> io::Result<usize> {
        while self.at == self.block.len() {
            if !self.next_block(left)? {
                return Ok(0);
            }
        }
        let n = buf.len().min(self.block.len() - self.at);
        buf[..n].copy_from_slice(&self.block[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }

    fn next_block(&mut self, left: usize) -> io::Result<bool> {
        if self.input.is_empty() {
            return Ok(false);
        }
        let mut compressed = std::mem::take(&mut self.input);
        if self.framed {
            // Streams may have been joined: then a header stands where a length would.
            while compressed.starts_with(XERIAL_MAGIC) {
                compressed = compressed
                    .get(XERIAL_HEADER.len()..)
                    .ok_or(io::ErrorKind::UnexpectedEof)?;
            }
            // Less than a length is the end, as Java's stream takes it.
            let Some((len, rest)) = compressed.split_first_chunk::<4>() else {
                return Ok(false);
            };
            let len = u32::from_be_bytes(*len) as usize;
            (compressed, self.input) = rest
                .split_at_checked(len)
                .ok_or(io::ErrorKind::UnexpectedEof)?;
        }
        let claimed = snap::raw::decompress_len(compressed)?;
        if claimed > compressed.len().saturating_mul(SNAPPY_RATIO_MAX) {
            return Err(invalid("a snappy block cannot hold what it claims"));
        }
        if claimed > left {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.block.resize(claimed, 0);
        self.at = 0;
        snap::raw::Decoder::new().decompress(compressed, &mut self.block)?;
        Ok(true)
    }
}
