//! Both protocols on one port: the media type of a call says which one it is.

use clap::Args as ClapArgs;
use sockeye::data::tagged::Tags;
use sockeye::rpc::xmlrpc::WriteOptions;
use sockeye::rpc::{jsonrpc, xmlrpc};
use sockeye::web::guard::Guard;
use sockeye::web::{Handler, Origins, Reply, Request};
use sockeye::{Error, Kind, Operation, Result};

/// What is answered over HTTP, and to whom.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "HTTP")]
pub(super) struct WebArgs {
    /// A name of this server, without a port: on this machine only its own names and addresses are answered; may be repeated
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Pages of this origin may call, which else none may: https://app.example; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    origin: Vec<String>,
    /// Answer null over XML-RPC, which not every client knows; without this it is a fault
    #[arg(long)]
    nil: bool,
    /// Answer whole numbers beyond 32 bits over XML-RPC as i8, which not every client knows
    #[arg(long)]
    i8: bool,
    /// Tell programs the types of dates and decimals of XML-RPC: {"!dateTime.iso8601":"20261127T10:30:00"}
    #[arg(long)]
    types: bool,
}

impl WebArgs {
    /// Refuse what has no effect on lines of JSON-RPC.
    pub(super) fn refuse(&self) -> Result<()> {
        let given = [
            (!self.host.is_empty(), "--host"),
            (!self.origin.is_empty(), "--origin"),
            (self.nil, "--nil"),
            (self.i8, "--i8"),
            (self.types, "--types"),
        ];
        match given.iter().find(|(is_given, _)| *is_given) {
            Some((_, flag)) => {
                let why = format!("{flag} is about HTTP, and calls come as lines here");
                Err(Error::new(Kind::Usage, Operation::Parse, why)
                    .with_hint("--framing http serves HTTP"))
            }
            None => Ok(()),
        }
    }

    /// This site, kept from pages of other sites: they would have programs run here.
    pub(super) fn guarded(&self, site: impl Handler) -> Guard {
        let guard = self.host.iter().fold(Guard::new(site), Guard::host);
        self.origin.iter().fold(guard, Guard::origin)
    }

    /// Whose pages may open WebSockets.
    pub(super) fn origins(&self) -> Origins {
        let origins = self.origin.iter();
        Origins::Listed(origins.map(|it| it.trim_end_matches('/').into()).collect())
    }

    pub(super) fn write(&self) -> WriteOptions {
        let mut write = WriteOptions::default();
        (write.nil, write.i8) = (self.nil, self.i8);
        write
    }

    pub(super) fn tags(&self) -> Tags {
        match self.types {
            true => Tags::Keep,
            false => Tags::Drop,
        }
    }
}

/// Both protocols.
pub(super) struct Both {
    pub(super) json: jsonrpc::Server,
    pub(super) xml: xmlrpc::Service,
}

impl Handler for Both {
    fn handle(&self, request: Request) -> Reply {
        let media_type = request
            .headers()
            .get_str("content-type")
            .unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        let essence = essence.to_ascii_lowercase();
        match essence.ends_with("/xml") || essence.ends_with("+xml") {
            true => self.xml.handle(request),
            false => self.json.handle(request),
        }
    }
}
