//! `sockeye encode`: turn bytes into a code.

use sockeye::Result;
use sockeye::data::charset::Unmappable;
use sockeye::data::codec::{Options, Setting};

use super::coding::{self, Chain, Ends, Way, usage};
use crate::exit::Outcome;
use crate::output::Output;

/// Turn bytes into a code: base64, hex, percent, HTML, gzip, a charset …
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Several codecs are applied in their order: sockeye encode gzip base64 <page\n\
    What is encoded is all of the input, the end of its last line too: echo gives one, printf does not."
)]
pub(crate) struct Args {
    #[command(flatten)]
    chain: Chain,
    #[command(flatten)]
    ends: Ends,
    #[command(flatten)]
    shape: Shape,
    #[command(flatten)]
    text: Text,
}

/// What the code looks like.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Code")]
struct Shape {
    /// Break lines of base64, base32, hex and base85 after so many characters [default: 0, no lines]
    #[arg(short, long, value_name = "COLUMNS")]
    wrap: Option<usize>,
    /// End lines with CR LF, as mail has them
    #[arg(long)]
    crlf: bool,
    /// base64 with - and _, for URLs and names of files
    #[arg(long)]
    url: bool,
    /// Leave the = off that fill up base64 and base32
    #[arg(long)]
    no_padding: bool,
    /// Hexadecimal digits in capitals
    #[arg(long)]
    upper: bool,
    /// Between the bytes of hexadecimal digits: a colon, a blank …
    #[arg(long, value_name = "TEXT")]
    separator: Option<String>,
    /// Leave these characters too in percent-encoding
    #[arg(long, value_name = "CHARACTERS")]
    keep: Option<String>,
    /// Leave what a path may hold in percent-encoding: / and !$&'()*+,;=:@
    #[arg(long)]
    path: bool,
    /// Put Ascii85 between <~ and ~>
    #[arg(long)]
    frame: bool,
    /// Quoted-printable takes ends of lines for bytes like others
    #[arg(long)]
    binary: bool,
    /// The name of the file in uuencode [default: data]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How hard to compress: 0 to 9 for gzip and deflate, 0 to 11 for brotli, -7 to 22 for zstd
    #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
    level: Option<i32>,
}

/// What becomes of characters.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Text")]
struct Text {
    /// A JSON string without its quotes
    #[arg(long)]
    no_quotes: bool,
    /// HTML and JSON in ASCII alone
    #[arg(long)]
    ascii: bool,
    /// What becomes of characters that a charset does not have: error, question (?) or reference (&#8364;) [default: error]
    #[arg(long, value_name = "HOW", value_parser = unmappable)]
    unmappable: Option<Unmappable>,
    /// Begin with the mark (BOM) of UTF-8, UTF-16 or UTF-32
    #[arg(long)]
    bom: bool,
    /// Replace what is no UTF-8 instead of refusing it
    #[arg(long)]
    lenient: bool,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let Args {
        chain,
        ends,
        shape,
        text,
    } = args;
    if ends.list {
        return Ok(coding::list(&output));
    }
    let codecs = chain.codecs(shape.url)?;
    let given = [
        ("--wrap", Setting::Wrap, shape.wrap.is_some()),
        ("--crlf", Setting::Crlf, shape.crlf),
        ("--no-padding", Setting::Padding, shape.no_padding),
        ("--upper", Setting::Upper, shape.upper),
        ("--separator", Setting::Separator, shape.separator.is_some()),
        ("--keep", Setting::Keep, shape.keep.is_some()),
        ("--path", Setting::Keep, shape.path),
        ("--frame", Setting::Frame, shape.frame),
        ("--binary", Setting::Binary, shape.binary),
        ("--name", Setting::Name, shape.name.is_some()),
        ("--level", Setting::Level, shape.level.is_some()),
        ("--no-quotes", Setting::Quotes, text.no_quotes),
        ("--ascii", Setting::Ascii, text.ascii),
        (
            "--unmappable",
            Setting::Unmappable,
            text.unmappable.is_some(),
        ),
        ("--bom", Setting::Bom, text.bom),
        ("--lenient", Setting::Lenient, text.lenient),
    ];
    coding::check(&codecs, &given, Way::Encode)?;
    let mut keep = shape.keep.unwrap_or_default();
    if shape.path {
        keep.push_str("/!$&'()*+,;=:@");
    }
    if !keep.is_ascii() || keep.contains('%') {
        return Err(usage("--keep takes ASCII characters other than %"));
    }
    let default = Options::default();
    let options = Options {
        lenient: text.lenient,
        wrap: shape.wrap.unwrap_or(0),
        crlf: shape.crlf,
        padding: !shape.no_padding,
        upper: shape.upper,
        separator: coding::separator(shape.separator)?,
        keep,
        binary: shape.binary,
        frame: shape.frame,
        quotes: !text.no_quotes,
        ascii: text.ascii,
        unmappable: text.unmappable.unwrap_or_default(),
        bom: text.bom,
        level: shape.level,
        name: shape.name.unwrap_or(default.name),
        limits: default.limits,
    };
    coding::run(Way::Encode, &codecs, &options, ends, &output)
}

fn unmappable(text: &str) -> std::result::Result<Unmappable, String> {
    match text {
        "error" => Ok(Unmappable::Refuse),
        "question" => Ok(Unmappable::Question),
        "reference" => Ok(Unmappable::Reference),
        _ => Err("it is error, question or reference".to_owned()),
    }
}
