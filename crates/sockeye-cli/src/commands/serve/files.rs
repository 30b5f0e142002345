//! How files are served.

use std::time::Duration;

use clap::Args as ClapArgs;
use sockeye::data::fields::MediaType;
use sockeye::web::Shared;
use sockeye::web::files::{Coding, Files, HeaderRule, Root, Rules, Settings};
use sockeye::{Error, Kind, Operation, Result};

use super::{Args, upload};
use crate::args;

/// How files are served.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Files")]
pub(super) struct FileArgs {
    /// Serve names that begin with a dot, too; .well-known is served in any case
    #[arg(long)]
    hidden: bool,
    /// Follow symbolic links that lead out of the folder, too
    #[arg(long)]
    follow_links: bool,
    /// Show a folder as its file of this name; may be repeated [default: index.html]
    #[arg(long, value_name = "NAME")]
    index: Vec<String>,
    /// Serve about.html as /about, too
    #[arg(long)]
    pretty: bool,
    /// Give navigations to unknown paths this file, for pages that are programs [without FILE: index.html]
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "index.html"
    )]
    spa: Option<String>,
    /// Send this page of the folder with status 404
    #[arg(long, value_name = "FILE")]
    not_found: Option<String>,
    /// Do not send x.br, x.zst or x.gz for x to those who take that
    #[arg(long)]
    no_precompressed: bool,
    /// Compress text and the like on the way for those who take that, in these codings, the best first [without LIST: zstd,br,gzip]
    #[arg(
        long,
        value_name = "LIST",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "zstd,br,gzip",
        value_delimiter = ','
    )]
    compress: Vec<Coding>,
    /// The media type of an extension, as in md=text/plain; may be repeated
    #[arg(long = "type", value_name = "EXT=TYPE", value_parser = extension)]
    types: Vec<(String, String)>,
    /// Send this line with files, or with those whose name or /path fits a pattern: '*.css=Name: value'; may be repeated
    #[arg(long = "header", value_name = "[PATTERN=]NAME: VALUE", value_parser = header)]
    headers: Vec<HeaderRule>,
    /// Send this Cache-Control with files
    #[arg(long, value_name = "VALUE", value_parser = cache_control)]
    cache_control: Option<HeaderRule>,
    /// Send Cache-Control: max-age with files
    #[arg(long, value_name = "TIME", value_parser = args::duration, conflicts_with = "cache_control")]
    max_age: Option<Duration>,
    /// Let pages of this origin read what is served [without ORIGIN: of all]
    #[arg(
        long,
        value_name = "ORIGIN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "*",
        value_parser = origin
    )]
    cors: Option<String>,
    /// Parts of one file that a request may ask for; one for more gets the whole, and 0 allows none
    #[arg(long, value_name = "COUNT", default_value_t = Settings::default().ranges)]
    max_ranges: usize,
    /// Files that are kept in memory or open
    #[arg(long, value_name = "COUNT", default_value_t = Settings::default().cached_files)]
    cached_files: usize,
    /// Bytes of files that are kept in memory, and as many of compressed ones
    #[arg(long, value_name = "SIZE", value_parser = args::size, default_value = "64MiB")]
    cached_bytes: u64,
    /// How long what is kept counts without a look at the folder; 0s keeps nothing
    #[arg(long, value_name = "TIME", value_parser = args::duration, default_value = "1s")]
    cached_for: Duration,
}

fn header(text: &str) -> std::result::Result<HeaderRule, String> {
    text.parse::<HeaderRule>()
        .map_err(|error| error.to_string())
}

fn cache_control(text: &str) -> std::result::Result<HeaderRule, String> {
    HeaderRule::new("Cache-Control", text).map_err(|error| error.to_string())
}

fn origin(text: &str) -> std::result::Result<String, String> {
    let is_origin = match text.split_once("://") {
        Some((scheme, host)) => {
            !scheme.is_empty() && !host.is_empty() && !host.contains(['/', '?', '#', ' '])
        }
        None => matches!(text, "*" | "null"),
    };
    match is_origin && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.into()),
        false => Err("an origin is scheme://host, perhaps with :port, or * for all".into()),
    }
}

fn extension(text: &str) -> std::result::Result<(String, String), String> {
    let (extension, media_type) = text
        .split_once('=')
        .ok_or("it is an extension and its type, as in md=text/plain")?;
    let extension = extension.strip_prefix('.').unwrap_or(extension);
    let media_type = MediaType::parse(media_type.as_bytes())
        .ok_or_else(|| format!("`{media_type}` is no media type, as text/plain is one"))?;
    Ok((extension.into(), media_type.to_string()))
}

impl FileArgs {
    fn settings(&self) -> Result<Settings> {
        let mut settings = Settings::default();
        settings.headers.extend(self.cache_control.clone());
        if let Some(age) = self.max_age {
            let value = format!("max-age={}", age.as_secs());
            let rule = HeaderRule::new("Cache-Control", &value);
            let rule = rule
                .map_err(|error| Error::new(Kind::Usage, Operation::Listen, error.to_string()))?;
            settings.headers.push(rule);
        }
        // What is said of some files counts more than what is said of all.
        settings.headers.extend(self.headers.iter().cloned());
        if !self.index.is_empty() {
            settings.index.clone_from(&self.index);
        }
        settings.pretty = self.pretty;
        settings.fallback.clone_from(&self.spa);
        settings.not_found.clone_from(&self.not_found);
        settings.precompressed = !self.no_precompressed;
        settings.compress.clone_from(&self.compress);
        settings.types.clone_from(&self.types);
        settings.cors.clone_from(&self.cors);
        settings.ranges = self.max_ranges;
        settings.cached_files = self.cached_files;
        settings.cached_bytes = self.cached_bytes;
        settings.trusted = self.cached_for;
        Ok(settings)
    }

    fn rules(&self) -> Rules {
        let mut rules = Rules::default();
        rules.hidden = self.hidden;
        rules.follow_links = self.follow_links;
        rules
    }
}

/// The folder, which files and uploads share.
pub(super) fn root(args: &Args) -> Result<Root> {
    let dir = args.dir.as_deref().unwrap_or(".".as_ref());
    Root::new(dir, args.files.rules())
}

/// The files of the folder.
pub(super) fn handler(args: &Args, root: Root) -> Result<Shared> {
    let files = Files::new(root).settings(args.files.settings()?);
    Ok(Shared::new(match args.listing.listing() {
        Some(listing) => files.folders(listing.insert(upload::form)),
        None => files,
    }))
}
