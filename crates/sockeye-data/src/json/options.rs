//! How JSON is read and written.

use crate::record::Limits;
use crate::value::Text;

use super::Elements;

/// How JSON is read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// What separates the records.
    pub framing: Framing,
    /// What is allowed beyond JSON.
    pub dialect: Dialect,
    /// What happens if a name stands more than once in an object.
    pub duplicates: Duplicates,
    /// What happens with bytes that are no UTF-8, and with halves of surrogate pairs.
    pub invalid_text: InvalidText,
    /// The records are what is below this path, not the values themselves.
    pub elements: Option<Elements>,
    /// Of records that are objects, only these members are wanted. The others are checked, but may be left out, which is quicker.
    pub only: Option<Vec<Text>>,
    /// What the input may cost.
    pub limits: Limits,
}

/// What separates records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// Values stand behind each other, with or without white space between them; one is allowed as well. NDJSON is a case of this,
    /// but an error ends it.
    #[default]
    Values,
    /// A value on each line: NDJSON. Lines without a value are passed by, and after an error the next line is read.
    Lines,
    /// JSON text sequences (RFC 7464): before each value stands the byte 0x1E. After an error the next one is read.
    Sequence,
}

/// What is allowed beyond JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Nothing: RFC 8259.
    #[default]
    Strict,
    /// Comments (`//`, `/* */`, and `#` up to the end of the line) and a comma behind the last item.
    Comments,
    /// JSON5, and comments with `#`: also single quotes, names without quotes, hexadecimal numbers, `+1`, `.5`, `5.`, `Infinity`, `NaN`.
    Json5,
}

/// What happens if a name stands more than once in an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// The last value counts, in the place of the first.
    #[default]
    Last,
    /// It is an error.
    Error,
    /// All values count: an array of them stands in the place of the first.
    All,
}

/// What happens with text that cannot be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InvalidText {
    /// It is an error.
    #[default]
    Refuse,
    /// U+FFFD stands for it. The reader counts how often.
    Replace,
}

/// How JSON is written.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// Lines and indents.
    pub layout: Layout,
    /// Members are in the order of their names (of code points), not in their own.
    pub sorted: bool,
    /// All but ASCII is written as `\uXXXX`.
    pub ascii: bool,
    /// Colours for terminals.
    pub colours: Option<Palette>,
    /// Records that are strings are written as they are: without quotes and escapes. With `ascii` they keep their quotes.
    pub raw: bool,
    /// All records are in one array.
    pub array: bool,
    /// The byte 0x1E stands before each record: JSON text sequences (RFC 7464).
    pub sequence: bool,
    /// What stands behind each record.
    pub end: End,
}

impl Default for WriteOptions {
    /// Compact, a line for each record: NDJSON.
    fn default() -> Self {
        Self {
            layout: Layout::Compact,
            sorted: false,
            ascii: false,
            colours: None,
            raw: false,
            array: false,
            sequence: false,
            end: End::Newline,
        }
    }
}

/// Lines and indents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Everything on one line without spaces.
    #[default]
    Compact,
    /// A line for each item, indented by this many spaces for each level.
    Indent(u8),
    /// A line for each item, indented by a tab for each level.
    Tab,
}

/// What stands behind each record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// A newline.
    #[default]
    Newline,
    /// Nothing: records are joined.
    Nothing,
    /// The byte 0. Raw strings with that byte are an error.
    Nul,
}

/// The colours of jq: what stands between `ESC [` and `m`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette {
    /// `null`.
    pub null: String,
    /// `false`.
    pub r#false: String,
    /// `true`.
    pub r#true: String,
    /// Numbers.
    pub number: String,
    /// Strings.
    pub string: String,
    /// Brackets and commas of arrays.
    pub array: String,
    /// Brackets, colons and commas of objects.
    pub object: String,
    /// Names.
    pub name: String,
}

impl Default for Palette {
    /// Those of jq 1.7.1 and later.
    fn default() -> Self {
        Self {
            null: "0;90".into(),
            r#false: "0;39".into(),
            r#true: "0;39".into(),
            number: "0;39".into(),
            string: "0;32".into(),
            array: "1;39".into(),
            object: "1;39".into(),
            name: "34;1".into(),
        }
    }
}

impl Palette {
    /// The colours of `JQ_COLORS`: `0;90:0;39:…` in the order null, false, true, numbers, strings, arrays, objects, names. Those that
    /// are not there stay. `None` if there is something other than digits, `;` and `:`.
    pub fn from_jq_colors(colors: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_digit() || byte == b';' || byte == b':';
        if !colors.bytes().all(allowed) {
            return None;
        }
        let mut palette = Self::default();
        let places = [
            &mut palette.null,
            &mut palette.r#false,
            &mut palette.r#true,
            &mut palette.number,
            &mut palette.string,
            &mut palette.array,
            &mut palette.object,
            &mut palette.name,
        ];
        if !colors.is_empty() {
            for (place, color) in places.into_iter().zip(colors.split(':')) {
                color.clone_into(place);
            }
        }
        Some(palette)
    }
}
