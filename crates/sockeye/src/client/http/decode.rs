//! Content codings of answers: gzip, deflate, br and zstd, stacked ones too, undone in bounds (RFC 9110 section 8.4).
//!
//! A body is undone piece by piece: however much a few bytes unfold to, only one piece of it is in memory. Encoding what we
//! send is [`Coding`](super::Coding)'s work.

mod codec;
#[cfg(test)]
mod tests;

use bytes::{Buf, Bytes};
use sockeye_data::http1::Headers;

use self::codec::{Codec, Step};
use crate::error::{Error, Kind, Operation, Result};

/// How many codings may be stacked on one body.
const MAX_STACKED: usize = 5;
/// The largest piece that is handed out at once.
const PIECE: usize = 64 << 10;

/// Which content codings are asked for, undone, and how far.
///
/// By default gzip, deflate, br and zstd are asked for and undone, up to five of them stacked. A body that unfolds to more
/// than 16 MiB and to more than 250 times its size is an error, and so is one that unfolds to more than 16 GiB. Windows of br
/// are at most 16 MiB and those of zstd 8 MiB (RFC 9659), so that memory is bounded too.
///
/// # Examples
///
/// ```
/// use sockeye::client::http::{Client, Decoding};
///
/// let careful = Client::builder().decoding(Decoding::default().max_size(1 << 20)).build();
/// let raw = Client::builder().decoding(Decoding::off()).build();
/// # let _ = (careful, raw);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoding {
    is_on: bool,
    ratio: u64,
    /// Up to this size nobody asks how small it was.
    free: u64,
    size: u64,
}

impl Default for Decoding {
    fn default() -> Self {
        Self {
            is_on: true,
            ratio: 250,
            free: 16 << 20,
            size: 16 << 30,
        }
    }
}

impl Decoding {
    /// No coding is asked for, and bodies are left as they come.
    pub fn off() -> Self {
        Self {
            is_on: false,
            ..Self::default()
        }
    }

    /// How many times its size a body may unfold to, 250 by default, as soon as it is longer than [`Decoding::free`].
    #[must_use]
    pub fn max_ratio(mut self, ratio: u64) -> Self {
        self.ratio = ratio;
        self
    }

    /// Up to how many bytes nobody asks what a body was before it unfolded, 16 MiB by default.
    #[must_use]
    pub fn free(mut self, bytes: u64) -> Self {
        self.free = bytes;
        self
    }

    /// How many bytes a body may unfold to, 16 GiB by default.
    #[must_use]
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.size = bytes;
        self
    }

    /// The value of `Accept-Encoding`, if one is sent. A range is one of the encoded bytes (RFC 9110 section 14), so whoever
    /// asks for ranges asks for no coding.
    pub(super) fn accepted(&self, asked: &Headers) -> Option<&'static str> {
        (self.is_on && !asked.contains("range")).then_some("gzip, deflate, br, zstd")
    }
}

/// What is to be done about the codings of a body.
pub(super) enum Plan {
    /// It is as it is meant.
    Plain,
    /// It is left as it is, for this reason.
    Left(String),
    /// This undoes its codings.
    Undo(Box<Decoder>),
}

impl Plan {
    /// The plan for an answer with this status and these headers.
    ///
    /// # Errors
    ///
    /// [`Kind::Protocol`] if too many codings are stacked.
    pub(super) fn new(status: u16, headers: &Headers, decoding: &Decoding) -> Result<Self> {
        if !decoding.is_on {
            return Ok(Self::Plain);
        }
        let names: Vec<String> = headers
            .list("content-encoding")
            .map(|name| String::from_utf8_lossy(name).to_ascii_lowercase())
            .filter(|name| !name.is_empty())
            .collect();
        if names.len() > MAX_STACKED {
            let why = format!(
                "{} codings are stacked on the body, and more than {MAX_STACKED} are refused",
                names.len()
            );
            return Err(broken(why));
        }
        let mut stages = Vec::new();
        for name in names.iter().filter(|name| *name != "identity") {
            match Codec::find(name) {
                Some(codec) => stages.push(Stage::new(codec)),
                None => {
                    let name = name.escape_debug();
                    return Ok(Self::Left(format!(
                        "the body is left in its coding `{name}`, which is not known"
                    )));
                }
            }
        }
        if stages.is_empty() {
            return Ok(Self::Plain);
        }
        if status == 206 {
            let why = "a part of an encoded body is left as it is";
            return Ok(Self::Left(why.to_owned()));
        }
        // The coding that was applied last is named last, and undone first.
        stages.reverse();
        Ok(Self::Undo(Box::new(Decoder {
            stages,
            source: Source::default(),
            limits: decoding.clone(),
        })))
    }
}

/// Undoes the codings of one body: encoded bytes are pushed, and pieces are taken until it is hungry again.
pub(super) struct Decoder {
    /// In the order in which they are undone.
    stages: Vec<Stage>,
    source: Source,
    limits: Decoding,
}

/// What came of taking a piece.
pub(super) enum Taken {
    /// The next decoded bytes; never none at all.
    Piece(Bytes),
    /// More encoded bytes are needed.
    Hungry,
    /// That was all.
    Over,
}

/// Encoded bytes that came and were not looked at yet.
#[derive(Default)]
struct Source {
    pending: Bytes,
    total: u64,
    is_over: bool,
}

struct Stage {
    codec: Codec,
    pending: Bytes,
    room: Vec<u8>,
    /// The last step filled all room: there may be more without further input.
    is_full: bool,
    produced: u64,
}

impl Decoder {
    /// The next encoded bytes. All pieces of those before were taken.
    pub(super) fn push(&mut self, bytes: Bytes) {
        self.source.total += bytes.len() as u64;
        if self.source.pending.is_empty() {
            self.source.pending = bytes;
        } else {
            self.source.pending = [&*self.source.pending, &*bytes].concat().into();
        }
    }

    /// All encoded bytes were pushed.
    pub(super) fn end(&mut self) {
        self.source.is_over = true;
    }

    /// The next piece, of at most 64 KiB.
    ///
    /// # Errors
    ///
    /// [`Kind::Protocol`] if a coding is broken or cut off, or unfolds too far.
    pub(super) fn take(&mut self) -> Result<Taken> {
        // Servers say `gzip` of empty bodies too.
        if self.source.is_over && self.source.total == 0 {
            return Ok(Taken::Over);
        }
        take(&mut self.stages, &mut self.source, &self.limits)
    }
}

/// The next piece that the last of these stages makes of those before it.
fn take(stages: &mut [Stage], source: &mut Source, limits: &Decoding) -> Result<Taken> {
    let Some((stage, earlier)) = stages.split_last_mut() else {
        let bytes = source.pending.split_to(source.pending.len().min(PIECE));
        return Ok(match (bytes.is_empty(), source.is_over) {
            (false, _) => Taken::Piece(bytes),
            (true, false) => Taken::Hungry,
            (true, true) => Taken::Over,
        });
    };
    loop {
        if stage.pending.is_empty() && !stage.is_full {
            match take(earlier, source, limits)? {
                Taken::Piece(bytes) => stage.pending = bytes,
                Taken::Hungry => return Ok(Taken::Hungry),
                Taken::Over if stage.codec.may_end() => return Ok(Taken::Over),
                Taken::Over => {
                    let name = stage.codec.name();
                    return Err(broken(format!(
                        "the body ends in the middle of its {name} coding"
                    )));
                }
            }
        }
        if let Some(bytes) = stage.step()? {
            stage.within(source.total, limits)?;
            return Ok(Taken::Piece(bytes));
        }
    }
}

impl Stage {
    fn new(codec: Codec) -> Self {
        Self {
            codec,
            pending: Bytes::new(),
            room: Vec::new(),
            is_full: false,
            produced: 0,
        }
    }

    /// Go on with what is pending; `None` if nothing came out of it yet.
    fn step(&mut self) -> Result<Option<Bytes>> {
        self.room.resize(PIECE, 0);
        let name = self.codec.name();
        let Step { consumed, produced } = self
            .codec
            .step(&self.pending, &mut self.room)
            .map_err(|why| broken(format!("the {name} coding of the body is broken: {why}")))?;
        if consumed == 0 && produced == 0 && !self.pending.is_empty() {
            return Err(broken(format!(
                "the {name} coding of the body leads nowhere"
            )));
        }
        self.pending.advance(consumed);
        self.is_full = produced == PIECE;
        self.produced += produced as u64;
        Ok(match produced {
            0 => None,
            // A small piece does not hold on to all of the room.
            1..=16384 => Some(Bytes::copy_from_slice(&self.room[..produced])),
            _ => {
                let mut piece = std::mem::take(&mut self.room);
                piece.truncate(produced);
                Some(piece.into())
            }
        })
    }

    /// Whether it may have unfolded that far.
    fn within(&self, received: u64, limits: &Decoding) -> Result<()> {
        let name = self.codec.name();
        if self.produced > limits.free && self.produced / limits.ratio.max(1) > received {
            let why = format!(
                "the {name} coding of the body unfolds to more than {} times its size",
                limits.ratio
            );
            return Err(broken(why).with_hint(
                "it may be a bomb; `--raw` leaves the body as it is, and `Decoding::max_ratio` allows more",
            ));
        }
        if self.produced > limits.size {
            let why = format!(
                "the {name} coding of the body unfolds to more than {} bytes",
                limits.size
            );
            return Err(broken(why).with_hint(
                "`--raw` leaves the body as it is, and `Decoding::max_size` allows more",
            ));
        }
        Ok(())
    }
}

fn broken(why: impl Into<String>) -> Error {
    Error::new(Kind::Protocol, Operation::Read, why).with_hint("--raw leaves a body as it comes")
}
