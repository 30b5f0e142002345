//! `sockeye rpc serve`: programs as methods.

mod demo;
mod http;
mod methods;
mod told;

use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use sockeye::endpoint::{Carrier, UnixKind};
use sockeye::net::{Limits, Listener};
use sockeye::rpc::jsonrpc;
use sockeye::web::accounts::{Accounts, Gate};
use sockeye::web::guard::Guard;
use sockeye::{Endpoint, Error, Kind, Operation, Result};

use self::methods::MethodArgs;
use self::told::Told;
use super::caller::bytes;
use crate::args::{self, ServingArgs, TalkingArgs};
use crate::commands::serving;
use crate::exit::Outcome;
use crate::output::Output;
use crate::report::Serving;
use crate::signals;

/// Serve programs as methods
///
/// A program is started for each call. Its parameters come as one line of JSON on standard input (with --args as words),
/// and what it writes is the result: JSON if it reads as JSON, else a string. A status other than 0 is a fault with this code and what
/// the program wrote to standard error.
///
/// One port answers JSON-RPC and XML-RPC over HTTP, by the media type, on any path and on / and /RPC2. Over unix:, stdio: or
/// with --framing lines it is JSON-RPC, a message on each line.
#[derive(Debug, ClapArgs)]
#[command(mut_arg("idle_timeout", |idle| idle.help("Close a connection that is idle between calls for this long [default: 60s; lines: 10m]")))]
#[command(after_help = "Examples:\n  \
    sockeye rpc serve --demo\n  \
    sockeye rpc serve 8000 --exec 'add=jq add' --help-text 'add=the sum of all parameters'\n  \
    sockeye rpc serve :8000 --exec 'disk=df --output=pcent' --args --max-programs 4 --program-queue 16\n  \
    sockeye rpc serve tls://:8443 --tokens tokens.txt --exec 'restart=systemctl restart app'\n  \
    sockeye rpc serve unix:/run/tools.sock --shell 'load=cut -d\" \" -f1 /proc/loadavg'\n  \
    sockeye rpc serve stdio: --exec 'add=jq add'")]
pub(crate) struct Args {
    /// Where to listen: PORT (this machine only), :PORT (everyone), tls://..., unix:/path, stdio:
    #[arg(value_parser = args::endpoint, value_name = "LISTEN", default_value = "8000")]
    at: Endpoint,
    /// How messages are carried: http, or lines with JSON-RPC alone [default: lines for unix: and stdio:, else http]
    #[arg(
        long,
        value_enum,
        value_name = "http|lines",
        hide_possible_values = true
    )]
    framing: Option<Framing>,
    #[command(flatten)]
    methods: MethodArgs,
    #[command(flatten)]
    bounds: BoundArgs,
    #[command(flatten)]
    pub(crate) serving: ServingArgs,
    #[command(flatten)]
    accounts: args::AccountArgs,
    #[command(flatten)]
    web: http::WebArgs,
    #[command(flatten)]
    talking: TalkingArgs,
}

/// How messages are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Framing {
    Http,
    Lines,
}

/// What calls may cost.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Bounds")]
struct BoundArgs {
    /// Bytes of a call or of a batch
    #[arg(long, value_name = "SIZE", value_parser = args::size, default_value = "16MiB")]
    max_body: u64,
    /// Calls in one batch
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    max_batch: u32,
    /// Bytes of all answers to one batch; calls beyond get fault -32002
    #[arg(long, value_name = "SIZE", value_parser = args::size, default_value = "64MiB")]
    max_answers: u64,
    /// How deep parameters may be nested
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    max_depth: u32,
    /// After Ctrl-C, calls that run may take this long to finish
    #[arg(long, value_name = "TIME", value_parser = args::duration, default_value = "30s")]
    grace: Duration,
}

/// Do it.
pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    args.talking.refuse_via("who listens waits for others")?;
    let accounts = args.accounts.all()?;
    let framing = args.framing(&accounts)?;
    if output.json() && matches!(args.at.carrier(), Carrier::Stdio) {
        let why = "--json would write events between the answers on standard output";
        return Err(Error::new(Kind::Usage, Operation::Parse, why)
            .with_hint("leave out --json with stdio:"));
    }
    let stop = signals::stop_on_signals();
    let told = Told::new(&output);
    let methods = args.methods.methods()?;
    let json = jsonrpc::Server::new(methods.clone())
        .bounds(args.bounds())
        .origins(args.web.origins())
        .on_call(told.hears());
    let net = args.talking.net(&output, false).program_groups(true);
    let at = args.place(framing);
    crate::commands::say_what_is_weak(&at, &output);
    let listener = net.listen(&at).await?;
    say_listening(&listener, framing, &output);
    serving::end_after(args.talking.timeout, &stop);
    match framing {
        Framing::Lines => {
            let limits = args.limits()?;
            json.serve_within(listener, limits, stop).await?;
        }
        Framing::Http => {
            let xml = args.xml(told.around(&methods));
            let site = args.let_in(http::Both { json, xml }, accounts, &output);
            let server = sockeye::web::Server::new(site)
                .bounds(args.web_bounds())
                .limits(args.limits()?);
            server.serve(listener, stop).await?;
        }
    }
    Ok(Outcome::Done)
}

fn say_listening(listener: &Listener, framing: Framing, output: &Output) {
    let is_tcp = matches!(listener.local().carrier(), Carrier::Tcp(_));
    if framing == Framing::Lines || !is_tcp {
        return crate::commands::say_listening(listener, output);
    }
    output.data(&Serving::at(listener));
    crate::commands::say_certificate(listener, output);
}

impl Args {
    /// How messages are carried, if that can be.
    fn framing(&self, accounts: &Accounts) -> Result<Framing> {
        let usage = |why: &str| Error::new(Kind::Usage, Operation::Parse, why);
        let carrier = self.at.carrier();
        let is_stdio = matches!(carrier, Carrier::Stdio);
        let framing = self.framing.unwrap_or(match carrier {
            Carrier::Unix(_) | Carrier::Stdio => Framing::Lines,
            _ => Framing::Http,
        });
        match carrier {
            Carrier::Tcp(_) | Carrier::Stdio => {}
            Carrier::Unix(unix) if unix.kind == UnixKind::Stream => {}
            other => {
                let why = format!("calls cannot be served over {}", other.scheme());
                return Err(usage(&why).with_hint("a port, tls://, unix: and stdio: can"));
            }
        }
        if is_stdio && framing == Framing::Http {
            return Err(usage("HTTP is not served over stdio:").with_hint("leave out --framing"));
        }
        if framing == Framing::Lines {
            self.web.refuse()?;
            if !accounts.is_empty() {
                return Err(usage("accounts are for HTTP, and calls come as lines here")
                    .with_hint(
                        "--framing http serves HTTP; tls://...?ca=FILE asks for certificates",
                    ));
            }
        }
        Ok(framing)
    }

    /// The site for those who are let in, kept from pages of other sites.
    fn let_in(&self, site: http::Both, accounts: Accounts, output: &Output) -> Guard {
        if accounts.is_empty() {
            return self.web.guarded(site);
        }
        if accounts.has_secrets() && self.at.carrier().is_for_everyone() && self.at.tls().is_none()
        {
            output.warn(
                "passwords and tokens travel in the clear to other machines; tls:// hides them",
            );
        }
        let gate = Gate::new(accounts, Vec::new(), site);
        self.web
            .guarded(gate.max_failures(self.accounts.max_failures))
    }

    /// Where to listen, with what HTTP needs.
    fn place(&self, framing: Framing) -> Endpoint {
        let mut at = self.talking.refine(self.at.clone());
        if framing == Framing::Http
            && let Some(tls) = at.tls_mut()
            && tls.alpn.is_empty()
        {
            tls.alpn = vec!["h2".into(), "http/1.1".into()];
        }
        at
    }

    fn limits(&self) -> Result<Limits> {
        self.serving.limits()
    }

    /// What is borne of calls of JSON-RPC. Programs have bounds of their own, so that those here only have to be wide enough.
    fn bounds(&self) -> jsonrpc::Bounds {
        let mut bounds = jsonrpc::Bounds::default();
        bounds.limits.bytes = bytes(self.bounds.max_body);
        bounds.limits.batch = bytes(self.bounds.max_batch.into());
        bounds.limits.depth = bytes(self.bounds.max_depth.into());
        bounds.answers = bytes(self.bounds.max_answers);
        bounds.running = self.methods.most_at_once() + 1_024;
        bounds.time = self.methods.longest();
        bounds.grace = self.bounds.grace;
        if let Some(idle) = self.serving.idle_timeout {
            bounds.idle = idle;
        }
        bounds
    }

    /// The same of XML-RPC.
    fn xml(&self, methods: sockeye::rpc::Methods) -> sockeye::rpc::xmlrpc::Service {
        let mut bounds = sockeye::rpc::xmlrpc::Bounds::default();
        bounds.body = self.bounds.max_body;
        bounds.inflated = self.bounds.max_body;
        bounds.at_once = self.methods.most_at_once() + 1_024;
        bounds.time = self.methods.longest();
        bounds.multicall = bytes(self.bounds.max_batch.into());
        bounds.answers = bytes(self.bounds.max_answers);
        let mut read = sockeye::rpc::xmlrpc::ReadOptions::default();
        read.limits.record = bytes(self.bounds.max_body);
        read.limits.depth = bytes(self.bounds.max_depth.into());
        read.tags = self.web.tags();
        sockeye::rpc::xmlrpc::Service::new(methods)
            .bounds(bounds)
            .read(read)
            .write(self.web.write())
    }

    fn web_bounds(&self) -> sockeye::web::Bounds {
        let mut bounds = sockeye::web::Bounds::default();
        bounds.body = self.bounds.max_body;
        bounds.grace = self.bounds.grace;
        if let Some(idle) = self.serving.idle_timeout {
            bounds.idle_time = idle;
        }
        bounds
    }
}
