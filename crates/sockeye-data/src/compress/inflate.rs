//! The decoders, one step each: some bytes in, some bytes out, no I/O.

use std::io;

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::{Decompress, FlushDecompress, Status};
use lzma_rust2::{Action, XzStream};
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use super::Compression;

/// How a member (of gzip), frame (of zstd) or the only one of the others is inflated.
pub(super) enum Inflate {
    Flate(Box<Decompress>),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    Zstd {
        decoder: Decoder<'static>,
        wanted: usize,
    },
    Xz(Box<XzStream>),
    Bzip2(bzip2::Decompress),
}

/// What one step did.
pub(super) struct Step {
    pub(super) consumed: usize,
    pub(super) produced: usize,
    pub(super) state: State,
}

/// How it goes on.
pub(super) enum State {
    More,
    /// The member or frame has ended, and was found to be whole.
    Ended,
    Failed(Failure),
}

/// What is wrong with the bytes.
pub(super) enum Failure {
    /// The sum or the length at the end is another than that of the bytes that came.
    Sum,
    /// It does not begin as it must.
    Header,
    /// A window larger than we are willing to hold.
    Window,
    /// Anything else, in the decoder's words.
    Data(String),
}

/// How a zstd frame begins, at most: the decoder says itself what it wants from then on.
const ZSTD_START: usize = 5;
/// What xz may take, in KiB: `xz -9` asks for 65 MiB.
const XZ_MEMORY: u32 = 160 << 10;
const XZ_STEP: usize = 4 << 10;

impl Inflate {
    /// For the next member or frame. `start` is what it begins with, two bytes at least if there are so many.
    pub(super) fn new(compression: Compression, start: &[u8]) -> io::Result<Self> {
        Ok(match compression {
            Compression::Gzip => Self::Flate(Box::new(Decompress::new_gzip(15))),
            Compression::Deflate => Self::Flate(Box::new(Decompress::new(has_zlib_header(start)))),
            Compression::DeflateRaw => Self::Flate(Box::new(Decompress::new(false))),
            // Windows beyond 16 MiB are no part of RFC 7932.
            Compression::Brotli => Self::Brotli(Box::new(BrotliState::new_strict(
                StandardAlloc::default(),
                StandardAlloc::default(),
                StandardAlloc::default(),
            ))),
            Compression::Zstd => Self::Zstd {
                decoder: Decoder::new()?,
                wanted: ZSTD_START,
            },
            Compression::Xz => Self::Xz(Box::new(XzStream::new_mem_limit(false, XZ_MEMORY))),
            Compression::Bzip2 => Self::Bzip2(bzip2::Decompress::new(false)),
        })
    }

    /// This one, for another member or frame.
    pub(super) fn again(self, compression: Compression, start: &[u8]) -> io::Result<Self> {
        match self {
            Self::Zstd { mut decoder, .. } => {
                decoder.reinit()?;
                Ok(Self::Zstd {
                    decoder,
                    wanted: ZSTD_START,
                })
            }
            _ => Self::new(compression, start),
        }
    }

    pub(super) fn step(&mut self, input: &[u8], out: &mut [u8]) -> Step {
        match self {
            Self::Flate(flate) => step_flate(flate, input, out),
            Self::Brotli(state) => step_brotli(state, input, out),
            Self::Zstd { decoder, wanted } => step_zstd(decoder, wanted, input, out),
            Self::Xz(stream) => step_xz(stream, input, out),
            Self::Bzip2(decoder) => step_bzip2(decoder, input, out),
        }
    }
}

fn step_flate(flate: &mut Decompress, input: &[u8], out: &mut [u8]) -> Step {
    let before = (flate.total_in(), flate.total_out());
    let result = flate.decompress(input, out, FlushDecompress::None);
    let state = match result {
        Ok(Status::StreamEnd) => State::Ended,
        Ok(Status::Ok | Status::BufError) => State::More,
        Err(error) => State::Failed(match error.message() {
            Some("incorrect data check" | "incorrect length check") => Failure::Sum,
            Some("incorrect header check") => Failure::Header,
            Some(why) => Failure::Data(why.to_owned()),
            None if error.needs_dictionary().is_some() => {
                Failure::Data("a dictionary is needed".to_owned())
            }
            None => Failure::Data("bad data".to_owned()),
        }),
    };
    Step {
        // Both are at most the lengths of the slices.
        consumed: (flate.total_in() - before.0) as usize,
        produced: (flate.total_out() - before.1) as usize,
        state,
    }
}

fn step_brotli(
    state: &mut BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    input: &[u8],
    out: &mut [u8],
) -> Step {
    let (mut available_in, mut consumed) = (input.len(), 0);
    let (mut available_out, mut produced) = (out.len(), 0);
    let mut total = 0;
    let result = BrotliDecompressStream(
        &mut available_in,
        &mut consumed,
        input,
        &mut available_out,
        &mut produced,
        out,
        &mut total,
        state,
    );
    let state = match result {
        BrotliResult::ResultSuccess => State::Ended,
        BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => State::More,
        BrotliResult::ResultFailure => State::Failed(Failure::Data("bad data".to_owned())),
    };
    Step {
        consumed,
        produced,
        state,
    }
}

/// The decoder gets what it asks for and no more: it forgets what it has produced when a step fails, and so that is one block.
fn step_zstd(decoder: &mut Decoder<'_>, wanted: &mut usize, input: &[u8], out: &mut [u8]) -> Step {
    let mut from = InBuffer::around(&input[..input.len().min(*wanted)]);
    let mut to = OutBuffer::around(out);
    let result = decoder.run(&mut from, &mut to);
    let state = match result {
        Ok(0) => State::Ended,
        Ok(hint) => {
            *wanted = hint;
            State::More
        }
        Err(error) => State::Failed(zstd_failure(&error.to_string())),
    };
    Step {
        consumed: from.pos(),
        produced: to.pos(),
        state,
    }
}

/// As with zstd: what came of a step that fails is lost, so steps are short.
fn step_xz(stream: &mut XzStream, input: &[u8], out: &mut [u8]) -> Step {
    let before = (stream.total_in(), stream.total_out());
    let state = match stream.process(&input[..input.len().min(XZ_STEP)], out, Action::Run) {
        Ok(result) if result.status == lzma_rust2::Status::StreamEnd => State::Ended,
        Ok(_) => State::More,
        Err(error) if error.kind() == io::ErrorKind::OutOfMemory => State::Failed(Failure::Window),
        Err(error) => State::Failed(xz_failure(&error.to_string())),
    };
    Step {
        // Both are at most the lengths of the slices.
        consumed: (stream.total_in() - before.0) as usize,
        produced: (stream.total_out() - before.1) as usize,
        state,
    }
}

fn xz_failure(why: &str) -> Failure {
    let lower = why.to_ascii_lowercase();
    if lower.contains("magic") {
        Failure::Header
    } else if lower.contains("checksum") || lower.contains("crc") {
        Failure::Sum
    } else {
        Failure::Data(lower)
    }
}

fn step_bzip2(decoder: &mut bzip2::Decompress, input: &[u8], out: &mut [u8]) -> Step {
    let before = (decoder.total_in(), decoder.total_out());
    let state = match decoder.decompress(input, out) {
        Ok(bzip2::Status::StreamEnd) => State::Ended,
        Ok(bzip2::Status::MemNeeded) => State::Failed(Failure::Window),
        Ok(_) => State::More,
        Err(bzip2::Error::DataMagic) => State::Failed(Failure::Header),
        Err(_) => State::Failed(Failure::Sum),
    };
    Step {
        // Both are at most the lengths of the slices.
        consumed: (decoder.total_in() - before.0) as usize,
        produced: (decoder.total_out() - before.1) as usize,
        state,
    }
}

fn zstd_failure(why: &str) -> Failure {
    let lower = why.to_ascii_lowercase();
    if lower.contains("checksum") {
        Failure::Sum
    } else if lower.contains("unknown frame") {
        Failure::Header
    } else if lower.contains("memory") {
        Failure::Window
    } else {
        Failure::Data(lower)
    }
}

/// RFC 1950 section 2.2: the method is 8, the window at most 32 KiB, and both bytes together a multiple of 31.
pub(super) fn has_zlib_header(start: &[u8]) -> bool {
    match start {
        [first, second, ..] => {
            first & 15 == 8
                && first >> 4 <= 7
                && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0
        }
        _ => false,
    }
}

/// Whether nothing speaks against it that these bytes, the beginning of some, are zlib's.
pub(super) fn may_be_zlib(start: &[u8]) -> bool {
    let mut inflate = Decompress::new(true);
    let step = step_flate(&mut inflate, start, &mut [0; 4096]);
    !matches!(step.state, State::Failed(_))
}
