//! The beginning of a file, for whoever cuts it into parts: the dialect, the names of columns, and where the rows start.

use super::split::{Ending, Splitter, Step};
use super::{FORMAT, Header, ReadOptions, read, sniff};
use crate::record::{Error, ErrorKind, Position};

/// What the beginning of a file tells.
#[derive(Clone, Debug)]
pub struct Begun {
    /// How the rows behind the header are read, in parts: with dialect and names. [`ReadOptions::part`] is where the first row
    /// starts.
    pub options: ReadOptions,
    /// Where the first row starts.
    pub rows: Position,
    /// Why it is this dialect.
    pub why: String,
}

/// Look at the beginning of a file; `None` if more of it is needed, which is never so if it is `whole`. What is found is what
/// [`Reader`](super::Reader) would find.
///
/// ```
/// use sockeye_data::csv::{Header, ReadOptions, begin};
///
/// assert!(begin(b"a,", false, &ReadOptions::default()).unwrap().is_none());
/// let begun = begin(b"a,b\n1,2\n3,4\n", false, &ReadOptions::default()).unwrap().unwrap();
/// assert_eq!(begun.rows.byte, 4);
/// assert_eq!(begun.options.header, Header::Given(vec!["a".into(), "b".into()]));
/// ```
///
/// # Errors
/// The header is no row, or the dialect that was given cannot be.
pub fn begin(bytes: &[u8], whole: bool, options: &ReadOptions) -> Result<Option<Begun>, Error> {
    let whole_sample = whole || bytes.len() >= sniff::SNIFFED_BYTES;
    let (given, like, comment) = (options.dialect, &options.like, options.comment);
    let Some(sniffed) = sniff::prefix(bytes, given, like, comment, whole_sample) else {
        return Ok(None);
    };
    let dialect = sniffed.dialect;
    dialect
        .check()
        .map_err(|why| Error::new(ErrorKind::Unsupported, FORMAT, why))?;
    let start = Position {
        byte: sniffed.start as u64,
        line: 1 + sniffed.lines,
        column: 1,
    };
    let mut splitter = Splitter::new(&dialect, comment, options.limits.record, start);
    let rows = bytes.get(sniffed.start..).unwrap_or_default();
    let mut names = Vec::new();
    let mut behind = start;
    if let Header::Given(given) = &options.header {
        names.clone_from(given);
    } else {
        match splitter.step(rows).0 {
            Step::Row => {}
            Step::TooLarge => return Err(read::too_large(&splitter, &options.limits)),
            Step::More if !whole => return Ok(None),
            Step::More => match splitter.end() {
                Ending::Unclosed { line } => return Err(read::unclosed(line, &splitter)),
                Ending::Row | Ending::Nothing => {}
            },
        }
        names = read::names(&splitter, dialect.escapes, options)?;
        if options.header != Header::Absent {
            behind = splitter.position();
        }
    }
    let options = ReadOptions {
        dialect: Some(dialect),
        header: Header::Given(names),
        part: Some(behind),
        ..options.clone()
    };
    Ok(Some(Begun {
        options,
        rows: behind,
        why: sniffed.why,
    }))
}
