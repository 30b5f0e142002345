//! Rows of csv straight into rows or lines of JSON, where no program runs and nothing else is asked of them.

use sockeye::data::csv::{self, Columns, Direct};
use sockeye::data::format::Format;
use sockeye::data::json;

use super::args::To;
use super::cut::Reading;
use super::job::{Job, Verdict};
use super::write::{Product, Target};

/// How pieces go straight through.
pub(crate) struct Straight {
    direct: Direct,
    /// Rows are written so; lines of JSON otherwise.
    rows: Option<csv::WriteOptions>,
}

impl Straight {
    /// For what is read so, if it can be.
    pub(crate) fn new(job: &Job, target: &Target, reading: &Reading) -> Option<Self> {
        let (Reading::Csv(options), None) = (reading, &job.program) else {
            return None;
        };
        let direct = Direct::new(options)?;
        let rows = match target.to {
            To::Format(format @ (Format::Csv | Format::Tsv)) => {
                Some(job.formats.csv.write_options(format))
            }
            To::Format(Format::Ndjson) if is_plain(&target.json(Format::Ndjson, &job.formats)) => {
                None
            }
            _ => return None,
        };
        Some(Self { direct, rows })
    }

    /// The columns that all rows will have, where they are those of the input.
    pub(crate) fn columns(&self) -> Option<&[sockeye::data::value::Text]> {
        let rows = self.rows.as_ref()?;
        (rows.columns == Columns::Union).then(|| self.direct.names())
    }

    /// What comes of a piece, and of its last row; `None` if its rows have to be looked at one by one.
    pub(crate) fn make(&self, piece: &[u8]) -> Option<(Product, Verdict)> {
        let (product, records) = match &self.rows {
            Some(options) => {
                let rows = self.direct.rows(piece, options)?;
                let records = rows.records();
                (Product::Rows(rows), records)
            }
            None => {
                let mut lines = Vec::with_capacity(piece.len() * 2);
                let records = self.direct.lines(piece, &mut lines)?;
                (Product::Plain(lines), records)
            }
        };
        let verdict = match records {
            0 => Verdict::Nothing,
            _ => Verdict::Yes,
        };
        Some((product, verdict))
    }
}

/// Whether lines of JSON are as they are without any flag.
fn is_plain(options: &json::WriteOptions) -> bool {
    options.layout == json::Layout::Compact
        && options.end == json::End::Newline
        && options.colours.is_none()
        && !(options.sorted || options.ascii || options.raw || options.array || options.sequence)
}
