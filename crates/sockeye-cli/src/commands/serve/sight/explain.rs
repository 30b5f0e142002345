//! `serve --explain`: how one request is answered, and which rule had what to say about it. No socket is opened.

use std::fmt::{self, Write};

use clap::Args as ClapArgs;
use serde::Serialize;
use sockeye::data::escape::{escape, escape_str};
use sockeye::data::http1::{Headers, ResponseHead};
use sockeye::data::url::{Scheme, Url};
use sockeye::web::{Handler, Note, Request, Response, Shared, Trail};
use sockeye::{Error, Kind, Operation, Result};

use super::super::Args;
use crate::exit::Outcome;
use crate::output::Output;

/// What is to be explained.
#[derive(Debug, ClapArgs)]
pub(in super::super) struct ExplainArgs {
    /// Say how a request for this URL (or path) is answered and why, and serve nobody
    #[arg(long, value_name = "URL")]
    explain: Option<String>,
    /// With --explain: the request has this header line too; may be repeated
    #[arg(long, value_name = "NAME: VALUE", requires = "explain")]
    explain_header: Vec<String>,
    /// With --explain: the request has this method, GET, HEAD or OPTIONS; the others would change something
    #[arg(long, value_name = "METHOD", requires = "explain", default_value = "GET", value_parser = ["GET", "HEAD", "OPTIONS"],
        hide_possible_values = true)]
    explain_method: String,
}

/// With `--explain`: say how one request is answered, and serve nothing.
pub(in super::super) async fn explain(
    args: &Args,
    site: &Shared,
    output: &Output,
) -> Result<Option<Outcome>> {
    let asked = &args.sight.explain;
    let Some(url) = &asked.explain else {
        return Ok(None);
    };
    let trail = Trail::new();
    let mut request = asked.request(url)?;
    request.set_trail(trail.clone());
    let mut explanation = Explanation::of(&request, output.text_color());
    let response = site.handle(request).response().await;
    explanation.notes = trail.notes();
    explanation.answer(&response);
    output.data(&explanation);
    Ok(Some(match response.status() {
        400.. => Outcome::No,
        _ => Outcome::Done,
    }))
}

impl ExplainArgs {
    fn request(&self, url: &str) -> Result<Request> {
        let refused = |why: String| Error::new(Kind::Usage, Operation::Parse, why);
        let (target, host) = match url.starts_with('/') {
            // Exactly this, whatever a client would make of it.
            true => (url.to_owned(), None),
            false => {
                let parsed = Url::parse(url).map_err(|error| {
                    let error = refused(format!("the URL {}: {error}", escape_str(url)));
                    error.with_hint("a path does, too: /index.html")
                })?;
                if !matches!(parsed.scheme(), Scheme::Http | Scheme::Https) {
                    return Err(refused("--explain wants a URL of http or https".into()));
                }
                (parsed.target(), Some(parsed.authority()))
            }
        };
        if let Some(strange) = target.bytes().find(|byte| !matches!(byte, b'!'..=b'~')) {
            let why = format!("no client can ask for a path with the byte {strange:#04x}");
            return Err(refused(why).with_hint("write it as % and two digits: %20 is a blank"));
        }
        let mut request = Request::made(&self.explain_method, &target);
        let mut headers = Headers::new();
        let mut lines = vec![("Host", host.as_deref().unwrap_or("localhost"))];
        for header in &self.explain_header {
            let Some((name, value)) = header.split_once(':') else {
                let why = format!("{} is no header line", escape_str(header));
                return Err(refused(why).with_hint("write it as 'Accept-Encoding: br'"));
            };
            if name.eq_ignore_ascii_case("host") {
                lines.remove(0);
            }
            lines.push((name, value.trim()));
        }
        for (name, value) in lines {
            headers.append(name, value).map_err(|error| {
                let name = escape_str(name).into_owned();
                refused(format!("the header {name} cannot be sent: {error}"))
            })?;
        }
        request.head_mut().headers = headers;
        Ok(request)
    }
}

/// A request, what was noted about it, and its answer.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "explanation")]
struct Explanation {
    method: String,
    target: String,
    request_headers: Vec<(String, String)>,
    #[serde(serialize_with = "as_objects")]
    notes: Vec<Note>,
    status: u16,
    headers: Vec<(String, String)>,
    /// Bytes of the body, if that is known beforehand.
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    #[serde(skip)]
    color: bool,
}

fn as_objects<S: serde::Serializer>(notes: &[Note], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Said<'a> {
        rule: &'a str,
        text: &'a str,
    }
    serializer.collect_seq(notes.iter().map(|note| Said {
        rule: note.rule,
        text: &note.text,
    }))
}

impl Explanation {
    fn of(request: &Request, color: bool) -> Self {
        Self {
            method: request.method().to_owned(),
            target: String::from_utf8_lossy(&request.head().target).into_owned(),
            request_headers: texts(request.headers()),
            notes: Vec::new(),
            status: 0,
            headers: Vec::new(),
            length: None,
            color,
        }
    }

    fn answer(&mut self, response: &Response) {
        self.status = response.status();
        self.headers = response.all_headers().into_iter().flat_map(texts).collect();
        self.length = response.body.length();
        let is_said = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-length");
        let has_body = !matches!(self.status, 204 | 304);
        if let (false, true, Some(length)) =
            (self.headers.iter().any(is_said), has_body, self.length)
        {
            // The server writes it.
            self.headers
                .push(("Content-Length".into(), length.to_string()));
        }
    }
}

fn texts(headers: &Headers) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|field| (field.name.to_owned(), escape(field.value)))
        .collect()
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let (strong, plain) = match self.color {
            true => ("\x1b[1m", "\x1b[0m"),
            false => ("", ""),
        };
        let target = escape_str(&self.target);
        writeln!(text, "{strong}{} {target}{plain}", self.method)?;
        for (name, value) in &self.request_headers {
            writeln!(text, "{name}: {value}")?;
        }
        text.push('\n');
        // All headers follow below; people need them once.
        let notes = self.notes.iter().filter(|note| note.rule != "headers");
        let width = notes.clone().map(|note| note.rule.len()).max();
        for note in notes {
            let width = width.unwrap_or_default();
            let said = escape_str(&note.text);
            writeln!(text, "  {strong}{:width$}{plain}  {said}", note.rule)?;
        }
        if width.is_some() {
            text.push('\n');
        }
        let reason = ResponseHead::new(self.status, Headers::new()).reason;
        let reason = String::from_utf8_lossy(&reason);
        writeln!(text, "{strong}{} {reason}{plain}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(text, "{name}: {value}")?;
        }
        f.write_str(text.trim_end())
    }
}
