//! An input in pieces that end with a record: what each core works on.

use std::io::{self, Read};

use sockeye::data::csv::{self, Cutter, Header};
use sockeye::data::format::Format;
use sockeye::data::json;
use sockeye::data::record::{Error, Position};

use super::args::FormatArgs;
use super::open;
use super::source::Flow;

/// How many bytes a piece has.
const PIECE: usize = 1 << 20;
/// Bytes that are read at least at once.
const BLOCK: usize = 64 << 10;

/// What is between records.
enum Cut {
    /// Newlines, wherever they stand.
    Lines,
    /// The ends of rows.
    Rows(Cutter),
}

impl Cut {
    /// Behind the last record that ends in the next bytes.
    fn last_end(&mut self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Lines => Some(bytes.iter().rposition(|byte| *byte == b'\n')? + 1),
            Self::Rows(cutter) => cutter.scan(bytes),
        }
    }
}

/// How the records of pieces are read.
pub(crate) enum Reading {
    /// A value of JSON on each line.
    Json(json::ReadOptions),
    /// Rows under names that are known.
    Csv(csv::ReadOptions),
}

/// Whether this format can be cut between records.
pub(crate) fn is_cuttable(format: Format, args: &FormatArgs) -> bool {
    match format {
        Format::Ndjson => true,
        Format::Csv | Format::Tsv => {
            let header = args.csv.read_options(format, args.limits.limits()).header;
            matches!(header, Header::First | Header::Instead(_))
        }
        _ => false,
    }
}

/// Some records of an input.
pub(crate) struct Piece {
    /// More room than bytes, to be used again.
    room: Vec<u8>,
    to: usize,
    /// Where it begins in the input.
    pub(crate) start: Position,
    /// The input has no more for now.
    pub(crate) is_live: bool,
}

impl Piece {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.room[..self.to]
    }

    pub(crate) fn into_room(self) -> Vec<u8> {
        self.room
    }
}

/// Cuts an input.
pub(crate) struct Pieces {
    bytes: Box<dyn Flow>,
    cut: Cut,
    /// What was read behind the last piece.
    carry: Vec<u8>,
    /// So much of it was looked at for ends.
    scanned: usize,
    /// Where the carry begins.
    place: Position,
    is_over: bool,
}

impl Pieces {
    /// Pieces of an input whose format [is cuttable](is_cuttable). Reads what comes before the first record.
    pub(crate) fn new(
        bytes: Box<dyn Flow>,
        format: Format,
        args: &FormatArgs,
    ) -> Result<(Self, Reading), Error> {
        let limits = args.limits.limits();
        let mut pieces = Self {
            bytes,
            cut: Cut::Lines,
            carry: Vec::new(),
            scanned: 0,
            place: Position {
                byte: 0,
                line: 1,
                column: 1,
            },
            is_over: false,
        };
        if format == Format::Ndjson {
            pieces.fill_carry()?;
            let has_mark = pieces.carry.starts_with(b"\xef\xbb\xbf");
            pieces.pass_by(if has_mark { 3 } else { 0 }, 1);
            return Ok((
                pieces,
                Reading::Json(open::json_options(format, args, None)),
            ));
        }
        let mut options = args.csv.read_options(format, limits);
        pieces.begin_rows(&mut options)?;
        Ok((pieces, Reading::Csv(options)))
    }

    /// Read until the first row is whole, and know the names of the columns.
    fn begin_rows(&mut self, options: &mut csv::ReadOptions) -> Result<(), Error> {
        loop {
            self.fill_carry()?;
            let whole = self.is_over || self.carry.len() >= options.limits.record;
            let Some(begun) = csv::begin(&self.carry, whole, options)? else {
                continue;
            };
            *options = begun.options;
            let dialect = options.dialect.unwrap_or_default();
            self.cut = Cut::Rows(Cutter::new(&dialect, options.comment));
            self.pass_by(
                usize::try_from(begun.rows.byte).unwrap_or(usize::MAX),
                begun.rows.line,
            );
            return Ok(());
        }
    }

    fn fill_carry(&mut self) -> Result<(), Error> {
        let length = self.carry.len();
        self.carry.resize(length + BLOCK, 0);
        let count = read(&mut self.bytes, &mut self.carry[length..])?;
        self.carry.truncate(length + count);
        self.is_over |= count == 0;
        Ok(())
    }

    /// Pass by what is no record, up to this line.
    fn pass_by(&mut self, bytes: usize, line: u64) {
        let bytes = bytes.min(self.carry.len());
        self.carry.drain(..bytes);
        self.place.byte += bytes as u64;
        self.place.line = line;
    }

    /// The next piece, in this room. A record of more bytes than `limit` is cut: its reader says that it is too large.
    pub(crate) fn next(&mut self, mut room: Vec<u8>, limit: usize) -> Result<Option<Piece>, Error> {
        let mut filled = self.carry.len();
        if room.len() < filled + PIECE {
            room.resize(filled + PIECE, 0);
        }
        room[..filled].copy_from_slice(&self.carry);
        let mut end = None;
        loop {
            let new = self.cut.last_end(&room[self.scanned..filled]);
            end = new.map(|at| self.scanned + at).or(end);
            self.scanned = filled;
            let is_full = filled >= PIECE;
            let is_cut = end.is_some() && (is_full || !self.bytes.is_ready());
            if is_cut || self.is_over || filled > limit {
                let to = end.filter(|_| !self.is_over).unwrap_or(filled);
                return Ok(self.piece(room, to, filled, !is_full));
            }
            if room.len() < filled + BLOCK {
                room.resize(room.len() + PIECE, 0);
            }
            let count = read(&mut self.bytes, &mut room[filled..])?;
            self.is_over |= count == 0;
            filled += count;
        }
    }

    /// The first bytes of the room are a piece, the others are for the next one.
    fn piece(&mut self, room: Vec<u8>, to: usize, filled: usize, is_live: bool) -> Option<Piece> {
        self.carry.clear();
        self.carry.extend_from_slice(&room[to..filled]);
        self.scanned = self.carry.len();
        let piece = Piece {
            room,
            to,
            start: self.place,
            is_live,
        };
        let newlines = piece.bytes().iter().filter(|byte| **byte == b'\n');
        self.place.line += newlines.count() as u64;
        self.place.byte += to as u64;
        (to > 0).then_some(piece)
    }
}

fn read(bytes: &mut dyn Read, into: &mut [u8]) -> Result<usize, Error> {
    loop {
        match bytes.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome.map_err(|error| Error::io("input", &error)),
        }
    }
}
