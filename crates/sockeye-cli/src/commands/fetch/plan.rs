//! From words and flags to jobs: what is asked, of whom.

use sockeye::client::http::Request;
use sockeye::data::http1::Headers;
use sockeye::data::percent::{self, Keep};
use sockeye::data::url::Url;
use sockeye::{Error, Kind, Operation, Result};

use super::args::RequestArgs;
use super::body::{self, BodyPlan};
use super::conditions;
use super::items::{Item, Manner};
use super::source::Sources;
use super::{Args, Fetch, words};

/// What is to be done.
#[derive(Debug)]
pub(super) struct Plan {
    /// One for each URL, in the order they were typed.
    pub(super) jobs: Vec<Job>,
    /// What may surprise whoever typed it.
    pub(super) warnings: Vec<String>,
    /// What each of them is asked.
    ask: Ask,
}

/// One URL.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// Which one it is, counted from 0.
    pub(super) number: usize,
    /// The URL.
    pub(super) url: Url,
}

/// What is the same in the requests of all jobs.
#[derive(Debug)]
struct Ask {
    method: String,
    headers: Headers,
    without: Vec<String>,
    query: String,
    body: BodyPlan,
}

impl Plan {
    /// Read what was typed.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] for what cannot be understood, before anything is opened; those of reading files.
    pub(super) fn new(args: &Args) -> Result<Self> {
        Self::with_sources(args, &Sources::default())
    }

    /// The same, with these files and standard input.
    ///
    /// # Errors
    ///
    /// As [`Plan::new`].
    pub(super) fn with_sources(args: &Args, sources: &Sources) -> Result<Self> {
        let listed = match &args.request.input {
            Some(path) => sources.read_urls(path)?,
            None => Vec::new(),
        };
        let words = words::read(&args.words, listed)?;
        let ask = Ask::new(&args.request, words.method, &words.items, sources)?;
        let urls = words.urls.iter().enumerate();
        let job = |(number, text): (usize, &String)| {
            let url = url(text, &args.request)?;
            Ok(Job { number, url })
        };
        let jobs: Vec<Job> = urls.map(job).collect::<Result<_>>()?;
        let warnings = std::iter::zip(&words.urls, &jobs).filter_map(|(typed, job)| {
            let (label, host) = (deceptive(typed)?, job.url.authority());
            Some(format!(
                "`{label}` mixes alphabets that look alike; who is asked is {host}"
            ))
        });
        let warnings = warnings.collect();
        if jobs.len() > 1 && !ask.body.is_repeatable() {
            let why = "standard input can be sent once, and there are several URLs";
            return Err(usage(why).with_hint("a file can be sent as often as one likes"));
        }
        if args.request.exact {
            ask.allow_exact()?;
        }
        Ok(Self {
            jobs,
            warnings,
            ask,
        })
    }

    /// The method of its requests.
    pub(super) fn method(&self) -> &str {
        &self.ask.method
    }

    /// What its requests carry.
    pub(super) fn body(&self) -> &BodyPlan {
        &self.ask.body
    }
}

fn usage(why: impl Into<String>) -> Error {
    Error::new(Kind::Usage, Operation::Parse, why)
}

/// A URL as it was typed. If something is uploaded to a folder, the name of the file goes behind it.
pub(super) fn url(text: &str, args: &RequestArgs) -> Result<Url> {
    let read = |text: &str| {
        Url::parse_typed(text).map_err(|error| {
            let shown = sockeye::data::escape::escape(without_user(text).as_bytes());
            usage(format!("`{shown}` is {error}")).with_hint("a URL looks like http://host/path")
        })
    };
    let url = read(text)?;
    let name = args.upload.as_ref().and_then(|path| path.file_name());
    let (Some(name), true) = (name, url.path().ends_with('/')) else {
        return Ok(url);
    };
    if name == "-" {
        return Ok(url);
    }
    let name = percent::encode(name.as_encoded_bytes(), Keep::UNRESERVED);
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let (before, behind) = text.split_at(end);
    let slash = if before.ends_with('/') { "" } else { "/" };
    read(&format!("{before}{slash}{name}{behind}"))
}

/// The part of the host that mixes alphabets that look alike, as `p\u{430}ypal` with a Cyrillic a does.
///
/// What was typed in punycode is not looked at: nobody takes that for another name.
fn deceptive(url: &str) -> Option<&str> {
    let start = url.find("//").map_or(0, |at| at + 2);
    let host = url[start..].split(['/', '?', '#']).next()?;
    let host = host.rsplit('@').next()?;
    let is_mixed = |label: &str| {
        let is_latin =
            |letter: char| matches!(letter, 'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}');
        // Greek, Cyrillic, Armenian, Cherokee: the alphabets with letters that look like Latin ones.
        let is_like = |letter: char| matches!(letter, '\u{370}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{1f00}'..='\u{1fff}');
        label.contains(is_latin) && label.contains(is_like)
    };
    host.split('.').find(|label| is_mixed(label))
}

/// A text that is no URL, without what may be a password in it.
fn without_user(text: &str) -> String {
    let start = text.find("//").map_or(0, |at| at + 2);
    match text.rfind('@').filter(|at| *at >= start) {
        Some(at) => format!("{}***{}", &text[..start], &text[at..]),
        None => text.to_owned(),
    }
}

impl Ask {
    fn new(
        args: &RequestArgs,
        method: Option<String>,
        items: &[Item],
        sources: &Sources,
    ) -> Result<Self> {
        let carried = body::gather(args, items, sources)?;
        let mut ask = Self {
            method: named(args, method)?.unwrap_or_else(|| implied(args, &carried.body).to_owned()),
            headers: Headers::new(),
            without: Vec::new(),
            query: carried.query.join("&"),
            body: carried.body,
        };
        for line in &args.headers {
            match line.strip_prefix('@') {
                Some(path) => {
                    let text = sources.read_text(path)?;
                    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
                    lines.try_for_each(|line| ask.line(line))?;
                }
                None => ask.line(line)?,
            }
        }
        for item in items {
            match item.manner {
                Manner::Header if item.value.is_empty() => ask.without.push(item.name.clone()),
                Manner::Header | Manner::EmptyHeader => ask.header(&item.name, &item.value)?,
                Manner::HeaderFile => {
                    ask.header(&item.name, sources.read_text(&item.value)?.trim_end())?;
                }
                _ => {}
            }
        }
        ask.add(args)?;
        if let Some(accept) = carried.accept
            && !ask.is_given("accept")
        {
            ask.header("Accept", accept)?;
        }
        Ok(ask)
    }

    /// A line of `-H`.
    fn line(&mut self, line: &str) -> Result<()> {
        let is_bare = |name: &str| !name.is_empty() && !name.contains([':', ';']);
        if let Some(name) = line.strip_suffix(';').filter(|name| is_bare(name)) {
            return self.header(name, "");
        }
        match line.split_once(':') {
            Some((name, value)) if value.trim().is_empty() => {
                // Whether it is a name at all is found by trying.
                Headers::new().append(name, "").map_err(unusable)?;
                self.without.push(name.to_owned());
                Ok(())
            }
            Some(_) => self.headers.append_line(line).map_err(unusable),
            None => {
                let line = sockeye::data::escape::escape(line.as_bytes());
                Err(
                    usage(format!("`{line}` is no header line: it has no colon")).with_hint(
                        "lines are 'Name: value'; 'Name:' leaves one out, 'Name;' sends it empty",
                    ),
                )
            }
        }
    }

    fn header(&mut self, name: &str, value: &str) -> Result<()> {
        self.headers.append(name, value).map_err(unusable)
    }

    /// Whether a header was given, or is to be left out.
    fn is_given(&self, name: &str) -> bool {
        self.headers.contains(name) || self.without.iter().any(|it| it.eq_ignore_ascii_case(name))
    }

    /// Headers that have flags of their own.
    fn add(&mut self, args: &RequestArgs) -> Result<()> {
        if let Some(referer) = &args.referer {
            let url = Url::parse_typed(referer).map_err(|error| {
                usage(format!("--referer: {error}")).with_hint("-H 'Referer: ...' sends any text")
            })?;
            self.header("Referer", &url.without_secrets().to_string())?;
        }
        if let Some(range) = &args.range {
            self.header("Range", &format!("bytes={}", checked(range)?))?;
            // A part of something encoded is nothing that can be decoded.
            if !self.is_given("accept-encoding") {
                self.header("Accept-Encoding", "identity")?;
            }
        }
        for (name, value) in conditions::headers(args)? {
            self.header(name, &value)?;
        }
        Ok(())
    }

    /// Whether what was typed can be sent exactly: to be sent as typed it must be typed.
    fn allow_exact(&self) -> Result<()> {
        if self.query.is_empty() {
            return Ok(());
        }
        Err(usage(
            "--exact sends the URL as it was typed, and items or --get would change its query",
        )
        .with_hint("write the query into the URL"))
    }

    /// The request for this URL.
    fn request(&self, url: Url, args: &RequestArgs) -> Result<Request> {
        let mut request = Request::new(self.method.clone(), url)?;
        *request.headers_mut() = self.headers.clone();
        for name in &self.without {
            request.leave_out(name);
        }
        request.add_query(&self.query)?;
        request.set_exact(args.exact);
        if let Some(expect) = args.expects() {
            request.set_expect(expect);
        }
        if !self.body.is_none() {
            request.set_body(self.body.body(args.compress)?);
        }
        Ok(request)
    }
}

/// The method that was named, in one way or in both.
fn named(args: &RequestArgs, word: Option<String>) -> Result<Option<String>> {
    let method = match (&args.method, word) {
        (Some(flag), Some(word)) if *flag != word => {
            let why = format!("the method is {word} by its word and {flag} by its flag");
            return Err(usage(why).with_hint("leave one of them out"));
        }
        (Some(flag), _) => Some(flag.clone()),
        (None, word) => word,
    };
    match &method {
        Some(method) if args.head && method != "HEAD" => {
            let why = format!("--head asks with HEAD, and the method is {method}");
            Err(usage(why).with_hint("-i prints the head of any answer"))
        }
        _ => Ok(method),
    }
}

/// The method that follows from what is sent.
fn implied(args: &RequestArgs, body: &BodyPlan) -> &'static str {
    match body {
        _ if args.head => "HEAD",
        _ if args.upload.is_some() => "PUT",
        BodyPlan::None => "GET",
        _ => "POST",
    }
}

fn unusable(error: sockeye::data::http1::Error) -> Error {
    usage(error.to_string()).with_hint("a header line is 'Name: value', without line breaks")
}

/// A range as `--range` takes it: `0-499`, `500-`, `-500`, or several with commas.
fn checked(range: &str) -> Result<&str> {
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_one = |one: &str| match one.trim().split_once('-') {
        Some((first, last)) => {
            // Numbers that are too large to be compared are for the server to judge.
            let number = |text: &str| text.parse::<u64>().ok();
            let is_backwards = number(first) > number(last) && number(last).is_some();
            let is_empty = first.is_empty() && last.is_empty();
            is_number(first) && is_number(last) && !is_empty && !is_backwards
        }
        None => false,
    };
    if range.split(',').all(is_one) {
        return Ok(range);
    }
    let range = sockeye::data::escape::escape(range.as_bytes());
    Err(usage(format!("`{range}` is no range of bytes"))
        .with_hint("0-499 are the first 500, 500- all from there, -500 the last 500"))
}

impl Fetch {
    /// The request of a job, as often as it is wanted.
    pub(super) fn request(&self, job: &Job) -> Result<Request> {
        let args = &self.args.request;
        let mut request = self.plan.ask.request(job.url.clone(), args)?;
        self.identity.request(&mut request)?;
        if let Some(left) = self.time_left() {
            request.set_timeout(left);
        }
        Ok(request)
    }
}
