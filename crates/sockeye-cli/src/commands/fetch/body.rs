//! What a request carries: made of pieces (`-d`, `-F`), of items, or of a file.

use std::path::{Path, PathBuf};

use sockeye::client::http::{Body, Coding, Multipart};
use sockeye::data::percent::{self, Keep};
use sockeye::data::url::query;
use sockeye::{Error, Kind, Operation, Result};

use super::args::{Compress, Manner, RequestArgs};
use super::items::{Item, Manner as ItemManner};
use super::nested::Node;
use super::parts::{self, PartPlan};
use super::source::Sources;

/// The media type of a form.
const FORM: &str = "application/x-www-form-urlencoded";
/// That of JSON.
const JSON: &str = "application/json";

/// What a request will carry; made once, and turned into a body for each request.
#[derive(Debug, Default)]
pub(super) enum BodyPlan {
    /// Nothing.
    #[default]
    None,
    /// These bytes, of this media type.
    Bytes(Vec<u8>, &'static str),
    /// A file.
    File(PathBuf, Option<&'static str>),
    /// Standard input.
    Stdin,
    /// Parts.
    Parts(Vec<PartPlan>),
}

/// What flags and items say about a body.
#[derive(Debug, Default)]
pub(super) struct Carried {
    pub(super) body: BodyPlan,
    /// What goes behind the query of the URL, encoded.
    pub(super) query: Vec<String>,
    /// What kind of answer is wanted, if that follows from what is sent.
    pub(super) accept: Option<&'static str>,
}

impl BodyPlan {
    /// Whether there is none.
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The body, once more.
    pub(super) fn body(&self, compress: Option<Compress>) -> Result<Body> {
        let body = match self {
            Self::None => return Ok(Body::empty()),
            Self::Bytes(bytes, media_type) => {
                Body::bytes(bytes.clone()).with_media_type(*media_type)
            }
            Self::File(path, media_type) => {
                let body = Body::file(path)?;
                match media_type {
                    Some(media_type) => body.with_media_type(*media_type),
                    None => body,
                }
            }
            Self::Stdin => Body::reader(sockeye::Stream::stdin()?, None),
            Self::Parts(plans) => {
                let mut form = Multipart::new();
                for plan in plans {
                    form = form.part(plan.name.clone(), plan.part()?);
                }
                form.into_body()?
            }
        };
        match compress {
            Some(Compress::Gzip) => body.compressed(Coding::Gzip),
            Some(Compress::Zstd) => body.compressed(Coding::Zstd),
            None => Ok(body),
        }
    }

    /// Whether it can be made more than once.
    pub(super) fn is_repeatable(&self) -> bool {
        match self {
            Self::Stdin => false,
            Self::Parts(parts) => parts.iter().all(PartPlan::is_repeatable),
            _ => true,
        }
    }
}

/// Gather what is sent.
///
/// # Errors
///
/// [`Kind::Usage`] for what makes no sense, or more than one body; those of reading files.
pub(super) fn gather(args: &RequestArgs, items: &[Item], sources: &Sources) -> Result<Carried> {
    let mut carried = Carried::default();
    for item in items {
        let value = match item.manner {
            ItemManner::Query => item.value.clone(),
            ItemManner::QueryFile => sources.read_text(&item.value)?,
            _ => continue,
        };
        carried.query.push(query::query([(&item.name, &value)]));
    }
    let pieces = &args.pieces.0;
    let (parts, data): (Vec<_>, Vec<_>) = pieces
        .iter()
        .partition(|(manner, _)| matches!(manner, Manner::Part | Manner::PartString));
    let fields: Vec<&Item> = items.iter().filter(|item| is_data(item)).collect();
    one_body(args, &parts, &data, &fields)?;
    if let Some(path) = &args.upload {
        carried.body = upload(path, sources)?;
    } else if !parts.is_empty() {
        let plans = parts.iter().map(|(manner, text)| {
            let is_literal = *manner == Manner::PartString;
            parts::parse(text, is_literal, sources)
        });
        let plans: Result<Vec<Vec<PartPlan>>> = plans.collect();
        carried.body = BodyPlan::Parts(plans?.into_iter().flatten().collect());
    } else if !data.is_empty() {
        joined(args, &data, sources, &mut carried)?;
    } else if !fields.is_empty() {
        of_items(args, &fields, sources, &mut carried)?;
    }
    Ok(carried)
}

/// Whether an item is a part of the body.
fn is_data(item: &Item) -> bool {
    matches!(
        item.manner,
        ItemManner::Field
            | ItemManner::FieldFile
            | ItemManner::Json
            | ItemManner::JsonFile
            | ItemManner::File
    )
}

fn usage(why: impl Into<String>) -> Error {
    Error::new(Kind::Usage, Operation::Parse, why)
}

/// There is room for one body.
fn one_body(
    args: &RequestArgs,
    parts: &[&(Manner, String)],
    data: &[&(Manner, String)],
    fields: &[&Item],
) -> Result<()> {
    let mut named = Vec::new();
    if args.upload.is_some() {
        named.push("--upload".to_owned());
    }
    named.extend(parts.first().map(|(manner, _)| manner.to_string()));
    named.extend(data.first().map(|(manner, _)| manner.to_string()));
    named.extend(fields.first().map(|item| format!("`{}`", item.word)));
    if let [first, second, ..] = &named[..] {
        let why = format!("{first} and {second} both say what is sent");
        return Err(usage(why).with_hint("one request has one body"));
    }
    if args.get && (args.upload.is_some() || !parts.is_empty()) {
        return Err(
            usage("--get puts data into the query, and files do not fit there")
                .with_hint("--get goes with --data and its like"),
        );
    }
    let has_body = named.is_empty() || args.get;
    if args.compress.is_some() && has_body {
        return Err(usage("--compress has nothing to compress").with_hint("it goes with a body"));
    }
    Ok(())
}

fn upload(path: &Path, sources: &Sources) -> Result<BodyPlan> {
    if path.as_os_str() == "-" {
        sources.take_stdin()?;
        return Ok(BodyPlan::Stdin);
    }
    file(path, None)
}

/// A file that is looked at now, so that what is not there is said before anything is sent.
fn file(path: &Path, media_type: Option<&'static str>) -> Result<BodyPlan> {
    if path.is_dir() {
        let why = "it is a directory";
        return Err(Error::new(Kind::Usage, Operation::Open, why).about(path.display()));
    }
    Body::file(path)?;
    Ok(BodyPlan::File(path.to_owned(), media_type))
}

/// The pieces of `--data` and its like, joined by `&` as curl does it.
fn joined(
    args: &RequestArgs,
    data: &[&(Manner, String)],
    sources: &Sources,
    carried: &mut Carried,
) -> Result<()> {
    let is_json = data.iter().any(|(manner, _)| *manner == Manner::Json);
    let media_type = if is_json { JSON } else { FORM };
    if is_json {
        carried.accept = Some(JSON);
    }
    if let ([(Manner::Binary, text)], false) = (data, args.get)
        && let Some(path) = text.strip_prefix('@').filter(|path| *path != "-")
    {
        carried.body = file(Path::new(path), Some(media_type))?;
        return Ok(());
    }
    let mut whole = Vec::new();
    for (at, (manner, text)) in data.iter().enumerate() {
        if at > 0 && *manner != Manner::Json && !whole.is_empty() {
            whole.push(b'&');
        }
        whole.extend(piece(*manner, text, sources)?);
    }
    if args.get {
        let text = String::from_utf8(whole)
            .map_err(|_| usage("--get puts data into the query, and bytes do not fit there"))?;
        carried.query.push(text);
    } else {
        carried.body = BodyPlan::Bytes(whole, media_type);
    }
    Ok(())
}

/// One piece.
fn piece(manner: Manner, text: &str, sources: &Sources) -> Result<Vec<u8>> {
    let file = text.strip_prefix('@');
    Ok(match (manner, file) {
        (Manner::Data, Some(path)) => {
            let mut bytes = sources.read(path)?;
            bytes.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
            bytes
        }
        (Manner::Binary | Manner::Json, Some(path)) => sources.read(path)?,
        (Manner::Encoded, _) => encoded(text, sources)?,
        _ => text.as_bytes().to_vec(),
    })
}

/// `VALUE`, `=VALUE`, `NAME=VALUE`, `@FILE` or `NAME@FILE`.
fn encoded(text: &str, sources: &Sources) -> Result<Vec<u8>> {
    let (name, value) = match text.find(['=', '@']) {
        Some(at) if text[at..].starts_with('=') => {
            (&text[..at], text.as_bytes()[at + 1..].to_vec())
        }
        Some(at) => (&text[..at], sources.read(&text[at + 1..])?),
        None => ("", text.as_bytes().to_vec()),
    };
    let value = percent::encode(&value, Keep::UNRESERVED).replace("%20", "+");
    Ok(match name {
        "" => value,
        name => format!("{name}={value}"),
    }
    .into_bytes())
}

/// Items: JSON, or a form.
fn of_items(
    args: &RequestArgs,
    fields: &[&Item],
    sources: &Sources,
    carried: &mut Carried,
) -> Result<()> {
    if let Some(item) = fields.iter().find(|item| item.name.is_empty()) {
        if fields.len() > 1 {
            let why = format!(
                "`{}` is the whole body, and there are other items",
                item.word
            );
            return Err(usage(why).with_hint("name@file, in a form, is a part of one"));
        }
        carried.body = match &*item.value {
            "-" => upload(Path::new("-"), sources)?,
            path => file(Path::new(path), None)?,
        };
        return Ok(());
    }
    let has_files = fields.iter().any(|item| item.manner == ItemManner::File);
    if args.get {
        let pairs: Result<Vec<_>> = fields.iter().map(|item| pair(item, sources)).collect();
        carried.query.push(query::query(pairs?));
    } else if args.form && has_files {
        let plans: Result<Vec<_>> = fields.iter().map(|item| part(item, sources)).collect();
        carried.body = BodyPlan::Parts(plans?);
    } else if args.form {
        let pairs: Result<Vec<_>> = fields.iter().map(|item| pair(item, sources)).collect();
        carried.body = BodyPlan::Bytes(query::form(pairs?).into_bytes(), FORM);
    } else {
        carried.body = BodyPlan::Bytes(json(fields, sources)?.into_bytes(), JSON);
        carried.accept = Some("application/json, */*;q=0.5");
    }
    Ok(())
}

/// A field of a form.
fn pair(item: &Item, sources: &Sources) -> Result<(String, String)> {
    let value = match item.manner {
        ItemManner::FieldFile => sources.read_text(&item.value)?,
        ItemManner::JsonFile => plain(item, &sources.read_text(&item.value)?)?,
        ItemManner::Json => plain(item, &item.value)?,
        ItemManner::File => {
            let why = format!("`{}`: a file does not fit into the query", item.word);
            return Err(usage(why));
        }
        _ => item.value.clone(),
    };
    Ok((item.name.clone(), value))
}

/// JSON in a form: a text without its quotes, everything else as it is written.
fn plain(item: &Item, json: &str) -> Result<String> {
    match serde_json::from_str(json) {
        Ok(serde_json::Value::String(text)) => Ok(text),
        Ok(_) => Ok(json.trim().to_owned()),
        Err(error) => Err(no_json(item, &format!("it is no JSON: {error}"))),
    }
}

/// A part of a form with files.
fn part(item: &Item, sources: &Sources) -> Result<PartPlan> {
    if item.manner == ItemManner::File {
        return parts::of_item(&item.name, &item.value, sources);
    }
    let (name, value) = pair(item, sources)?;
    Ok(PartPlan::text(name, value))
}

/// All fields as one JSON value.
fn json(fields: &[&Item], sources: &Sources) -> Result<String> {
    let mut root = Node::default();
    for item in fields {
        let value = match item.manner {
            ItemManner::Json => Node::written(&item.value),
            ItemManner::JsonFile => Node::written(&sources.read_text(&item.value)?),
            ItemManner::FieldFile => Ok(Node::text(&sources.read_text(&item.value)?)),
            ItemManner::File => {
                let why = format!("`{}`: JSON has no files", item.word);
                return Err(usage(why).with_hint(
                    "--form sends files; name=@file sends what is in it, @file alone is the whole body",
                ));
            }
            _ => Ok(Node::text(&item.value)),
        };
        let value = value.map_err(|why| no_json(item, &why))?;
        root.put(&item.name, value)
            .map_err(|why| usage(format!("`{}`: {why}", item.word)).with_hint(
                "a[b]=x is a field in an object, a[]=x the end of a list, a\\[b\\]=x a name with brackets",
            ))?;
    }
    Ok(root.to_string())
}

fn no_json(item: &Item, why: &str) -> Error {
    let word = sockeye::data::escape::escape(item.word.as_bytes());
    usage(format!("`{word}`: {why}"))
        .with_hint("name=value sends a text, name:=JSON what is written in JSON")
}
