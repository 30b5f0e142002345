//! Answers that go on: lines of programs as events and as messages of WebSockets.

use std::time::Duration;

use clap::Args as ClapArgs;
use sockeye::endpoint::Argv;
use sockeye::web::programs::{Feed, Mounts, Setup, Talk};
use sockeye::web::{EventHub, Origins, Shared, WebSocketOptions};
use sockeye::{Error, Kind, Operation, Result, Stream};

use super::programs::{Place, place};
use crate::args;
use crate::commands::listen::program::find;
use crate::output::Output;

/// How many bytes of events are kept for those who come back.
const KEPT: usize = 1 << 20;
/// Bytes of a line, unless said.
const LONGEST: usize = 64 << 10;

/// Answers that go on.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Live")]
pub(super) struct LiveArgs {
    /// Answer this path with server-sent events: each line that a command writes is one, for all who follow (-: each line of our
    /// standard input); may be repeated
    #[arg(long, value_name = "PATH=CMD", value_parser = place)]
    events: Vec<Place>,
    /// With --events: the last events are kept for those who come later or come back, so many and at most 1 MiB
    #[arg(long, value_name = "N", requires = "events", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    events_keep: u32,
    /// Answer this path as a WebSocket: one process of a command for each, its lines are messages, messages are lines of its
    /// input; may be repeated
    #[arg(long, value_name = "PATH=CMD", value_parser = place)]
    websocket: Vec<Place>,
    /// With --websocket: pages of this origin may connect, beside our own (any: all pages); may be repeated
    #[arg(long, value_name = "ORIGIN", requires = "websocket", value_parser = origin)]
    websocket_origin: Vec<String>,
    /// With --websocket: the largest message that is taken
    #[arg(long, value_name = "SIZE", requires = "websocket", value_parser = args::size, default_value = "16MiB")]
    websocket_message: u64,
    /// With --websocket: ping a client after so long without a word; after twice as long again it is taken for gone
    #[arg(long, value_name = "TIME", requires = "websocket", value_parser = args::duration, default_value = "20s")]
    websocket_ping: Duration,
    /// At most this many WebSockets at once; further ones wait, and are answered with 503
    #[arg(long, value_name = "N", requires = "websocket", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    max_websockets: u32,
    /// With --events and --websocket: a longer line is several events or messages [default: 64KiB]
    #[arg(long, value_name = "SIZE", value_parser = args::size)]
    longest_line: Option<u64>,
}

fn origin(text: &str) -> std::result::Result<String, String> {
    let is_origin = match sockeye::data::url::Url::parse(text) {
        Ok(url) => url.origin().is_some() && text.matches('/').count() == 2,
        Err(_) => false,
    };
    match is_origin || text == "any" {
        true => Ok(text.to_owned()),
        false => Err("an origin looks like https://example.org".into()),
    }
}

impl LiveArgs {
    fn options(&self) -> WebSocketOptions {
        let mut options = WebSocketOptions::default();
        options.message = bytes(self.websocket_message);
        options.frame = options.message;
        options.ping = self.websocket_ping;
        options.pong = self.websocket_ping * 2;
        options.origins = match self.websocket_origin.iter().any(|origin| origin == "any") {
            true => Origins::Any,
            false => Origins::Listed(self.websocket_origin.clone()),
        };
        options
    }

    /// Refuse what would have no effect.
    fn check(&self) -> Result<()> {
        let is_input = |place: &&Place| place.what == "-";
        if self.events.iter().filter(is_input).count() > 1 {
            let why = "two paths want our standard input";
            return Err(Error::new(Kind::Usage, Operation::Parse, why));
        }
        let is_idle = self.events.is_empty() && self.websocket.is_empty();
        if is_idle && self.longest_line.is_some() {
            let why = "--longest-line is about --events and --websocket, and there is none";
            return Err(Error::new(Kind::Usage, Operation::Parse, why));
        }
        Ok(())
    }
}

fn bytes(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

/// The site so far, with what goes on at paths of its own.
pub(super) fn wrap(
    flags: &LiveArgs,
    site: Shared,
    setup: &Setup,
    output: &Output,
) -> Result<Shared> {
    flags.check()?;
    let longest = flags.longest_line.map_or(LONGEST, bytes);
    let mut mounts = Mounts::new(site);
    for place in &flags.events {
        let kept = usize::try_from(flags.events_keep).unwrap_or(usize::MAX);
        let hub = EventHub::keeping(kept, KEPT).from_kept();
        if place.what == "-" {
            follow_input(hub.clone(), longest, output)?;
            mounts = mounts.at(&place.path, hub);
            continue;
        }
        let argv = place.what.parse::<Argv>()?;
        find(&argv)?;
        mounts = mounts.at(&place.path, Feed::bounded(hub, argv, setup, longest));
    }
    let many = usize::try_from(flags.max_websockets).unwrap_or(usize::MAX);
    let talkers = setup.clone().limits(|limits| limits.at_once = many);
    for place in &flags.websocket {
        let argv = place.what.parse::<Argv>()?;
        find(&argv)?;
        let talk = Talk::new(argv, &talkers)
            .options(flags.options())
            .longest_line(longest);
        mounts = mounts.at(&place.path, talk);
    }
    Ok(Shared::new(mounts))
}

/// Each line of our standard input is an event; at its end followers are sent away for good.
fn follow_input(hub: EventHub, longest: usize, output: &Output) -> Result<()> {
    let input = Stream::stdin()?;
    let output = output.clone();
    tokio::spawn(async move {
        if let Err(error) = hub.send_lines(input, longest).await {
            let what = Error::from_io(Operation::Read, error).about("standard input");
            output.warn(what.to_string());
        }
        hub.close();
    });
    Ok(())
}
