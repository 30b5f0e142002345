//! `--curl`: the line that makes curl ask the same.

use std::fmt::Write as _;

use sockeye::Result;
use sockeye::client::http::{Masking, Preview, Request, Versions};
use sockeye::data::http1::Field;
use tokio::io::AsyncReadExt;

use super::super::{Args, Fetch};
use crate::exit::Outcome;
use crate::output::Level;

/// The longest body that is put into the line; a longer one has to come from a file.
const MAX_BODY: u64 = 64 << 10;
/// Headers that curl adds by itself unless it is told otherwise.
const OWN: [&str; 3] = ["Accept", "User-Agent", "Expect"];

/// What of the command line curl has to be told besides the request.
#[derive(Clone, Debug, Default)]
pub(in crate::commands::fetch) struct Settings {
    /// Flags and their values, for curl.
    pub(in crate::commands::fetch) flags: Vec<String>,
    pub(in crate::commands::fetch) versions: Versions,
    pub(in crate::commands::fetch) decodes: bool,
    /// The file that is the body.
    pub(in crate::commands::fetch) upload: Option<String>,
    pub(in crate::commands::fetch) is_exact: bool,
}

/// Print the line for this request.
///
/// # Errors
///
/// Those of reading the body.
pub(in crate::commands::fetch) async fn print(fetch: &Fetch, request: Request) -> Result<Outcome> {
    let mut preview = fetch.client.preview(request)?;
    let masking = match fetch.args.report.show_secrets {
        true => Masking::none(),
        false => Masking::default(),
    };
    let headers = preview.head.headers.iter();
    if headers
        .map(|field| field.name)
        .any(|name| masking.masks(name))
    {
        let line = "secrets are masked in this line; --show-secrets shows them";
        fetch.output.say(Level::Normal, line);
    }
    let line = line(&mut preview, &fetch.args.for_curl(), &masking).await?;
    fetch.output.text(&(line + "\n"));
    Ok(Outcome::Done)
}

impl Args {
    /// What curl has to be told besides the request.
    fn for_curl(&self) -> Settings {
        let upload = self.request.upload.as_ref();
        let mut flags = self.reach.for_curl(&self.talking);
        flags.extend(self.policy.for_curl());
        flags.extend(self.identity.for_curl(self.report.show_secrets));
        Settings {
            flags,
            versions: self.request.versions(),
            decodes: true,
            upload: upload.map(|path| path.display().to_string()),
            is_exact: self.request.exact,
        }
    }
}

/// The line, without its end.
///
/// # Errors
///
/// Those of reading the body.
pub(in crate::commands::fetch) async fn line(
    preview: &mut Preview,
    settings: &Settings,
    masking: &Masking,
) -> Result<String> {
    let mut line = Line::default();
    line.version(settings.versions);
    for flag in &settings.flags {
        line.word(flag);
    }
    if settings.is_exact {
        line.word("--path-as-is");
    }
    if settings.decodes && preview.head.headers.contains("accept-encoding") {
        line.word("--compressed");
    }
    let implied = line.body(preview, settings).await?;
    let method = preview.request.method();
    match (method, implied) {
        ("HEAD", "GET") => line.word("--head"),
        (method, implied) if method != implied => {
            line.word("--request");
            line.word(method);
        }
        _ => {}
    }
    line.headers(preview, masking);
    // The target in exact mode is what was typed; curl resolves no dots then either.
    let url = preview.request.url();
    let shown = match settings.is_exact {
        true => {
            let target = String::from_utf8_lossy(&preview.head.target).into_owned();
            let scheme = url.scheme().as_str();
            format!("{scheme}://{}{target}", url.authority())
        }
        false => url.without_secrets().to_string(),
    };
    if shown.contains(['[', ']', '{', '}']) {
        line.word("--globoff");
    }
    line.word(&shown);
    Ok(line.finish())
}

#[derive(Default)]
struct Line {
    /// What makes the body, before the pipe.
    pipe: String,
    words: String,
}

impl Line {
    fn word(&mut self, word: &str) {
        self.words.push(' ');
        self.words += &quoted(word);
    }

    fn finish(self) -> String {
        format!("{}curl{}", self.pipe, self.words)
    }

    fn version(&mut self, versions: Versions) {
        match versions {
            Versions::Http10 => self.word("--http1.0"),
            Versions::Http11 => self.word("--http1.1"),
            Versions::Http2 => self.word("--http2-prior-knowledge"),
            _ => {}
        }
    }

    /// The body, and the method that curl would use with it.
    async fn body(&mut self, preview: &mut Preview, settings: &Settings) -> Result<&'static str> {
        if preview.request.body().is_none() {
            return Ok("GET");
        }
        if let Some(upload) = &settings.upload {
            self.word("--upload-file");
            self.word(upload);
            return Ok("PUT");
        }
        let mut bytes = Vec::new();
        let reader = preview.body().await?;
        let read = reader.take(MAX_BODY + 1).read_to_end(&mut bytes).await;
        read.map_err(|error| sockeye::Error::from_io(sockeye::Operation::Read, error))?;
        if bytes.len() as u64 > MAX_BODY {
            let why = "the body is too long for a command line";
            let error = sockeye::Error::new(sockeye::Kind::Usage, sockeye::Operation::Fetch, why);
            return Err(error.with_hint("send it from a file with --upload FILE"));
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) if !text.contains('\0') => {
                self.word("--data-raw");
                self.word(text);
            }
            _ => {
                self.pipe = format!("printf '{}' | ", printed(&bytes));
                self.word("--data-binary");
                self.word("@-");
            }
        }
        Ok("POST")
    }

    /// Every line as it stands, so that order and case are kept; of those that curl has by itself, it leaves out its own.
    fn headers(&mut self, preview: &Preview, masking: &Masking) {
        let headers = &preview.head.headers;
        let authority = preview.request.url().authority();
        for field in headers.iter() {
            let is_own_host = field.name == "Host" && field.value == authority.as_bytes();
            if !is_own_host {
                self.word("--header");
                let line = given(&field, masking);
                self.word(&line);
            }
        }
        let mut absent: Vec<&str> = OWN.to_vec();
        if !preview.request.body().is_none() {
            absent.push("Content-Type");
        }
        if !headers.contains("host") {
            absent.push("Host");
        }
        // An expectation is curl's own idea only with a body.
        absent.retain(|name| *name != "Expect" || !preview.request.body().is_none());
        for name in absent {
            if !headers.contains(name) {
                self.word("--header");
                self.word(&format!("{name}:"));
            }
        }
    }
}

/// A header line as curl wants it: one without a value has a semicolon.
fn given(field: &Field<'_>, masking: &Masking) -> String {
    if field.value.is_empty() {
        return format!("{};", field.name);
    }
    if masking.masks(field.name) {
        let value = masking.value(field);
        return format!("{}: {}", field.name, String::from_utf8_lossy(&value));
    }
    String::from_utf8_lossy(field.line).into_owned()
}

/// A word as a POSIX shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Bytes as the format of `printf` gives them back.
fn printed(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'%' => text.push_str("%%"),
            b'\\' => text.push_str(r"\\"),
            b'\'' => text.push_str(r"'\''"),
            0x20..=0x7e => text.push(char::from(*byte)),
            _ => {
                let _ = write!(text, "\\{byte:03o}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, wanted) in [
            ("plain/x?", "'plain/x?'"),
            ("http://h:1/a%20b", "http://h:1/a%20b"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("$(x)\n", "'$(x)\n'"),
        ] {
            assert_eq!(quoted(word), wanted);
        }
        assert_eq!(printed(b"a'%\\\0\xff"), r"a'\''%%\\\000\377");
    }
}
