//! The reader of each format, with the options that the flags give it.

use std::io::Read;

use sockeye::data::format::Format;
use sockeye::data::json::{self, Elements};
use sockeye::data::record::{Position, ReadRecords};
use sockeye::data::{cbor, csv, form, html, lines, mail, msgpack, toml, xml, yaml};
use sockeye::{Error, Kind, Operation, Result};

use super::args::FormatArgs;
use super::attachments::Saving;
use super::cut::Reading;

/// Reads records of whatever format.
pub(crate) type Reader = Box<dyn ReadRecords + Send>;
/// The bytes of an input: inflated, and UTF-8 where the format is text.
pub(crate) type Bytes = Box<dyn Read + Send>;

/// A reader of this format for these bytes. JSON comes as these elements of its values.
pub(crate) fn reader(
    format: Format,
    bytes: Bytes,
    args: &FormatArgs,
    elements: Option<&Elements>,
) -> Result<Reader> {
    let limits = args.limits.limits();
    match format {
        Format::Json | Format::Ndjson | Format::JsonSeq => {
            let options = json_options(format, args, elements);
            Ok(Box::new(json::Reader::new(bytes, &options)))
        }
        Format::Csv | Format::Tsv => {
            let options = args.csv.read_options(format, limits);
            Ok(Box::new(csv::Reader::new(bytes, &options)))
        }
        Format::Xml => Ok(Box::new(xml::Reader::new(
            bytes,
            &args.xml.read_options(limits),
        ))),
        Format::Yaml => Ok(Box::new(yaml::Reader::new(
            bytes,
            &args.structured.read_yaml(&args.json, limits)?,
        ))),
        Format::Toml => Ok(Box::new(toml::Reader::new(
            bytes,
            &args.structured.read_toml(limits),
        ))),
        Format::Html => Ok(Box::new(html::Reader::new(
            bytes,
            &args.html.read_options(limits),
        ))),
        Format::Mail | Format::Mbox => {
            let options = args.mail.read_options(format, limits);
            let reader: Reader = Box::new(mail::Reader::new(bytes, &options));
            Ok(match &args.mail.attachments {
                Some(folder) => Box::new(Saving::new(reader, folder.clone())),
                None => reader,
            })
        }
        Format::Form => {
            let lossy = args.limits.replaces();
            let options = form::ReadOptions { lossy, limits };
            Ok(Box::new(form::Reader::new(bytes, &options)))
        }
        Format::Cbor => Ok(Box::new(cbor::Reader::new(
            bytes,
            &args.structured.read_cbor(&args.json, limits)?,
        ))),
        Format::MessagePack => Ok(Box::new(msgpack::Reader::new(
            bytes,
            &args.structured.read_msgpack(&args.json, limits)?,
        ))),
        Format::Lines => Ok(Box::new(lines::Reader::lines(bytes, &limits))),
        Format::Text => Ok(Box::new(lines::Reader::whole(bytes, &limits))),
        _ => Err(unknown(format)),
    }
}

/// How JSON is read.
pub(crate) fn json_options(
    format: Format,
    args: &FormatArgs,
    elements: Option<&Elements>,
) -> json::ReadOptions {
    let mut options = args.json.read_options(format, args.limits.limits());
    options.elements = elements.cloned();
    options.only.clone_from(match elements {
        Some(_) => &args.json.only_of_elements,
        None => &args.json.only,
    });
    if args.limits.replaces() {
        options.invalid_text = json::InvalidText::Replace;
    }
    options
}

/// A reader of a piece that begins and ends with a record.
pub(crate) fn piece_reader<'a>(
    piece: &'a [u8],
    start: Position,
    reading: &Reading,
) -> Box<dyn ReadRecords + 'a> {
    match reading {
        Reading::Json(options) => Box::new(json::Lines::new(piece, options, start)),
        Reading::Csv(options) => {
            let mut options = options.clone();
            options.part = Some(start);
            Box::new(csv::Reader::new(piece, &options))
        }
    }
}

/// The library may come to know more formats than this command.
pub(super) fn unknown(format: Format) -> Error {
    let why = format!("{format} is not converted by this command");
    Error::new(Kind::Unsupported, Operation::Run, why)
}
