//! One content coding, undone step by step: some input, some room, and how much of each was used.

use brotli::writer::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, InBuffer, Operation as _, OutBuffer};

/// Windows of zstd are at most 2^23 bytes, 8 MiB (RFC 9659 section 3).
const ZSTD_WINDOW: u32 = 23;

/// How much of input and room a step has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) consumed: usize,
    pub(super) produced: usize,
}

/// A coding that is being undone.
pub(super) enum Codec {
    Gzip(Gzip),
    Deflate(Deflate),
    Brotli(Box<Brotli>),
    Zstd(Zstd),
}

impl Codec {
    /// The coding of this name in lower case (RFC 9110 section 8.4.1, RFC 7932, RFC 8878).
    pub(super) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "gzip" | "x-gzip" => Self::Gzip(Gzip::default()),
            "deflate" => Self::Deflate(Deflate::default()),
            "br" => Self::Brotli(Box::default()),
            "zstd" => Self::Zstd(Zstd::default()),
            _ => return None,
        })
    }

    /// Its name.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Gzip(_) => "gzip",
            Self::Deflate(_) => "deflate",
            Self::Brotli(_) => "br",
            Self::Zstd(_) => "zstd",
        }
    }

    /// Undo the next bytes. No input is fine: what is left inside comes out.
    ///
    /// # Errors
    ///
    /// What is broken, as a clause.
    pub(super) fn step(&mut self, input: &[u8], room: &mut [u8]) -> Result<Step, String> {
        match self {
            Self::Gzip(gzip) => gzip.step(input, room),
            Self::Deflate(deflate) => deflate.step(input, room),
            Self::Brotli(brotli) => brotli.step(input, room),
            Self::Zstd(zstd) => zstd.step(input, room),
        }
    }

    /// Whether the body may end here.
    pub(super) fn may_end(&self) -> bool {
        match self {
            Self::Gzip(gzip) => gzip.is_between && gzip.inflate.is_some(),
            Self::Deflate(deflate) => deflate.is_over,
            Self::Brotli(brotli) => brotli.is_over,
            Self::Zstd(zstd) => zstd.is_between,
        }
    }
}

const BEHIND: &str = "something follows behind its end";

/// gzip (RFC 1952): members, one behind the other.
#[derive(Default)]
pub(super) struct Gzip {
    /// There from the first byte on.
    inflate: Option<Decompress>,
    /// A member has ended, and no other has begun.
    is_between: bool,
}

impl Gzip {
    fn step(&mut self, input: &[u8], room: &mut [u8]) -> Result<Step, String> {
        if input.is_empty() && (self.is_between || self.inflate.is_none()) {
            return Ok(Step::default());
        }
        let mut skipped = 0;
        if self.is_between {
            // Some fill up with zeros what they write to tapes and blocks.
            skipped = input.iter().take_while(|byte| **byte == 0).count();
            match input.get(skipped) {
                None => {
                    return Ok(Step {
                        consumed: skipped,
                        produced: 0,
                    });
                }
                Some(0x1f) => {}
                Some(_) => return Err(BEHIND.to_owned()),
            }
            self.is_between = false;
            if let Some(inflate) = &mut self.inflate {
                inflate.reset(true);
            }
        }
        let inflate = self.inflate.get_or_insert_with(|| Decompress::new_gzip(15));
        let (mut step, status) = inflated(inflate, &input[skipped..], room)?;
        step.consumed += skipped;
        self.is_between = status == Status::StreamEnd;
        Ok(step)
    }
}

/// `deflate`: meant is zlib (RFC 1950), but some servers send what is inside it (RFC 1951).
#[derive(Default)]
pub(super) struct Deflate {
    inflate: Option<Decompress>,
    first: Option<u8>,
    is_over: bool,
}

impl Deflate {
    fn step(&mut self, input: &[u8], room: &mut [u8]) -> Result<Step, String> {
        if self.is_over && !input.is_empty() {
            return Err(BEHIND.to_owned());
        }
        let Some(inflate) = &mut self.inflate else {
            return self.begin(input, room);
        };
        let (step, status) = inflated(inflate, input, room)?;
        self.is_over = status == Status::StreamEnd;
        Ok(step)
    }

    /// The first two bytes tell which of the two it is: the header of zlib is a multiple of 31, and names the method.
    fn begin(&mut self, input: &[u8], room: &mut [u8]) -> Result<Step, String> {
        let (first, second, rest) = match (self.first, input) {
            (_, []) => return Ok(Step::default()),
            (None, [first]) => {
                self.first = Some(*first);
                return Ok(Step {
                    consumed: 1,
                    produced: 0,
                });
            }
            (None, [first, second, rest @ ..]) => (*first, *second, rest),
            (Some(first), [second, rest @ ..]) => (first, *second, rest),
        };
        let header = u16::from_be_bytes([first, second]);
        let is_zlib = first & 0x0f == 8 && first >> 4 <= 7 && header.is_multiple_of(31);
        let inflate = self.inflate.insert(Decompress::new(is_zlib));
        // The two bytes make at most a few bytes of output, so there is room left for the rest.
        let (head, status) = inflated(inflate, &[first, second], room)?;
        self.is_over = status == Status::StreamEnd;
        let own = input.len() - rest.len();
        if self.is_over || head.consumed < 2 {
            return match head.consumed < 2 || !rest.is_empty() {
                true => Err(BEHIND.to_owned()),
                false => Ok(Step {
                    consumed: own,
                    ..head
                }),
            };
        }
        let (tail, status) = inflated(inflate, rest, &mut room[head.produced..])?;
        self.is_over = status == Status::StreamEnd;
        Ok(Step {
            consumed: own + tail.consumed,
            produced: head.produced + tail.produced,
        })
    }
}

fn inflated(
    inflate: &mut Decompress,
    input: &[u8],
    room: &mut [u8],
) -> Result<(Step, Status), String> {
    let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
    let status = inflate
        .decompress(input, room, FlushDecompress::None)
        .map_err(|error| match error.message() {
            Some(message) => message.to_owned(),
            None => "it is no such data".to_owned(),
        })?;
    let step = Step {
        // Neither is more than the slices have.
        consumed: (inflate.total_in() - before_in) as usize,
        produced: (inflate.total_out() - before_out) as usize,
    };
    Ok((step, status))
}

/// Brotli (RFC 7932), without the large windows that are no part of it.
pub(super) struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    is_over: bool,
}

impl Default for Brotli {
    fn default() -> Self {
        let alloc = StandardAlloc::default;
        Self {
            state: BrotliState::new_strict(alloc(), alloc(), alloc()),
            is_over: false,
        }
    }
}

impl Brotli {
    fn step(&mut self, input: &[u8], room: &mut [u8]) -> Result<Step, String> {
        if self.is_over {
            return match input.is_empty() {
                true => Ok(Step::default()),
                false => Err(BEHIND.to_owned()),
            };
        }
        let mut step = Step::default();
        let (mut input_left, mut room_left) = (input.len(), room.len());
        let result = BrotliDecompressStream(
            &mut input_left,
            &mut step.consumed,
            input,
            &mut room_left,
            &mut step.produced,
            room,
            &mut 0,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultFailure => return Err("it is no such data".to_owned()),
            BrotliResult::ResultSuccess => self.is_over = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        Ok(step)
    }
}

/// Zstandard (RFC 8878): frames, one behind the other.
#[derive(Default)]
pub(super) struct Zstd {
    /// There from the first byte on.
    decoder: Option<zstd::stream::raw::Decoder<'static>>,
    /// A frame has ended, and no other has begun.
    is_between: bool,
}

impl Zstd {
    fn step(&mut self, input: &[u8], room: &mut [u8]) -> Result<Step, String> {
        let failed = |error: std::io::Error| error.to_string().to_lowercase();
        if input.is_empty() && (self.is_between || self.decoder.is_none()) {
            return Ok(Step::default());
        }
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            empty => {
                let mut decoder = zstd::stream::raw::Decoder::new().map_err(failed)?;
                let window = DParameter::WindowLogMax(ZSTD_WINDOW);
                decoder.set_parameter(window).map_err(failed)?;
                empty.insert(decoder)
            }
        };
        let mut from = InBuffer::around(input);
        let mut to = OutBuffer::around(room);
        let missing = decoder.run(&mut from, &mut to).map_err(failed)?;
        self.is_between = missing == 0;
        Ok(Step {
            consumed: from.pos(),
            produced: to.pos(),
        })
    }
}
