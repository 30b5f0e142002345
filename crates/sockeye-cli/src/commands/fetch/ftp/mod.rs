//! URLs of ftp and ftps: one session for each, and in it what the flags say.

mod list;
mod mirror;

use std::path::Path;

use sockeye::client::ftp::{DataMode, Ftp, Login, Security, Settings, TransferType, UrlPath};
use sockeye::client::http::Credential;
use sockeye::data::escape::escape;
use sockeye::data::url::Scheme;
use sockeye::{Error, Kind, Net, Operation, Result};

use super::args::FtpArgs;
use super::plan::Job;
use super::show::{self, Body};
use super::{Fetch, save};
use crate::exit::Outcome;
use crate::output::Level;

/// Do with this URL what the flags say.
pub(super) async fn run(fetch: &Fetch, job: &Job) -> Result<Outcome> {
    refuse(fetch, job)?;
    done(fetch, job).await.map_err(in_ftp)?;
    Ok(Outcome::Done)
}

/// The same error, whose hint names no flag that is not for FTP.
fn in_ftp(error: Error) -> Error {
    match error.hint() {
        Some(hint) if hint.contains("--retry") => {
            error.with_hint("is the server running, and is this its port?")
        }
        _ => error,
    }
}

/// A flag of ours means nothing to a URL of another scheme.
pub(super) fn refuse_elsewhere(args: &FtpArgs, job: &Job) -> Result<()> {
    match (job.url.scheme(), args.given()) {
        (Scheme::Ftp | Scheme::Ftps, _) | (_, None) => Ok(()),
        (other, Some(flag)) => {
            let why = format!("{flag} means nothing to a URL of {}", other.as_str());
            Err(usage(why).with_hint("it is for ftp:// and ftps://"))
        }
    }
}

async fn done(fetch: &Fetch, job: &Job) -> Result<()> {
    let args = &fetch.args.ftp;
    let place = UrlPath::of(&job.url)?;
    refuse_to_save(fetch, job, place.is_directory)?;
    let net = net(fetch);
    let settings = settings(fetch, job)?;
    if args.ftp_mirror.is_some() || args.ftp_mirror_up.is_some() {
        return mirror::run(fetch, job, net, settings).await;
    }
    let mut ftp = Ftp::open(&net, &job.url, settings).await?;
    for command in &args.quote {
        let reply = ftp.quote(command).await?;
        if reply.code() >= 400 {
            let why = format!("the server answered {command} with {reply}");
            let error = Error::new(Kind::Rejected, Operation::Fetch, why).about(&job.url);
            return Err(error.with_status(reply.code()));
        }
        if !fetch.output.says(Level::Verbose) {
            fetch.output.say(Level::Normal, reply);
        }
    }
    let transfer = match args.ftp_text {
        true => Some(TransferType::Text),
        false => place.transfer,
    };
    ftp.transfer_type(transfer.unwrap_or_default());
    let path = place.path.as_slice();
    let trimmed = path.strip_suffix(b"/").unwrap_or(path);
    if let Some(name) = &args.ftp_rename {
        ftp.rename(trimmed, beside(trimmed, name)).await?;
    } else if args.ftp_remove && place.is_directory {
        ftp.rmdir(trimmed).await?;
    } else if args.ftp_remove {
        ftp.delete(path).await?;
    } else if args.ftp_mkdir {
        ftp.mkdir(trimmed).await?;
    } else if let Some(from) = &fetch.args.request.upload {
        send(fetch, &mut ftp, path, from).await?;
    } else if place.is_directory || args.list_only {
        list::run(fetch, &mut ftp, path).await?;
    } else {
        get(fetch, job, &mut ftp, path).await?;
    }
    ftp.quit().await;
    Ok(())
}

fn usage(why: impl Into<String>) -> Error {
    Error::new(Kind::Usage, Operation::Fetch, why)
}

/// What would be ignored is refused.
fn refuse(fetch: &Fetch, job: &Job) -> Result<()> {
    let (args, request) = (&fetch.args.ftp, &fetch.args.request);
    let scheme = job.url.scheme().as_str();
    let is_implied = match fetch.plan.method() {
        "GET" | "HEAD" => fetch.plan.body().is_none(),
        method => method == "PUT" && request.upload.is_some(),
    };
    if !is_implied || request.method.is_some() || !request.headers.is_empty() {
        let why = format!("methods, headers and data mean nothing to a URL of {scheme}");
        return Err(usage(why).with_hint("-T FILE sends a file; --quote sends a command"));
    }
    let is_mirror = args.ftp_mirror.is_some() || args.ftp_mirror_up.is_some();
    let named = [
        (request.range.is_some(), "--range"),
        (request.if_modified_since.is_some(), "--if-modified-since"),
        (
            request.etag_compare.is_some() || request.etag_save.is_some(),
            "--etag-compare",
        ),
        (request.include, "--include"),
        (request.exact, "--exact"),
        (fetch.args.report.timing, "--timing"),
        (fetch.args.report.write_out.is_some(), "--write-out"),
        (request.dry_run && !is_mirror, "--dry-run"),
        (fetch.args.report.curl, "--curl"),
        (fetch.args.report.har.is_some(), "--har"),
        (fetch.args.reach.unix_socket.is_some(), "--unix-socket"),
        (fetch.args.policy.retries_given(), "--retry"),
    ];
    let named = named.into_iter().find(|(is_given, _)| *is_given);
    if let Some(flag) = named.map(|(_, flag)| flag).or(fetch.args.save.of_http()) {
        return Err(usage(format!("{flag} means nothing to a URL of {scheme}")));
    }
    if args.ftp_ssl && job.url.scheme() == Scheme::Ftps {
        let why = "--ftp-ssl is for ftp://; ftps:// is encrypted from the first byte on";
        return Err(usage(why).with_hint("leave one of the two out"));
    }
    if args.ftp_clear_data && !args.ftp_ssl && job.url.scheme() == Scheme::Ftp {
        return Err(usage(
            "--ftp-clear-data has no effect: nothing is encrypted",
        ));
    }
    if args.delete && !is_mirror {
        let why = "--delete is for --ftp-mirror and --ftp-mirror-up";
        return Err(usage(why).with_hint("--ftp-remove removes what the URL names"));
    }
    Ok(())
}

/// How a file is saved can only be said where one is.
fn refuse_to_save(fetch: &Fetch, job: &Job, is_directory: bool) -> Result<()> {
    let (args, save) = (&fetch.args.ftp, &fetch.args.save);
    let is_upload = fetch.args.request.upload.is_some();
    if is_upload && save.limit_rate.is_some() {
        return Err(usage(
            "--limit-rate is for what is fetched, not for what is sent",
        ));
    }
    if !is_upload && !is_directory && !args.does_more() {
        return Ok(());
    }
    let flag = match save.of_files(
        save.output
            .get(job.number)
            .is_some_and(|it| it != Path::new("-")),
    ) {
        Some(flag) => flag,
        None if save.continued && !is_upload => "--continue",
        None => return Ok(()),
    };
    let why = format!("{flag} is for a file that is fetched");
    Err(usage(why)
        .with_hint("a listing is saved by `> FILE`, a whole directory by --ftp-mirror DIR"))
}

/// How we talk.
fn net(fetch: &Fetch) -> Net {
    let reach = &fetch.args.reach;
    let net = reach.net(fetch.args.talking.net(&fetch.output, false), &fetch.output);
    match &fetch.policy {
        Some(policy) => policy.guard(net),
        None => net,
    }
}

fn settings(fetch: &Fetch, job: &Job) -> Result<Settings> {
    let args = &fetch.args.ftp;
    let mut options = fetch.args.reach.options(&fetch.args.talking);
    if options.via.is_empty() {
        let proxies = fetch.args.reach.proxies()?;
        options.via.extend(proxies.for_url(&job.url).cloned());
    }
    let mut settings = Settings::new()
        .endpoint_options(options)
        .lenient(fetch.args.request.lenient)
        .clear_data(args.ftp_clear_data);
    if let Some(rate) = &fetch.rate {
        settings = settings.rate(rate.clone());
    }
    if let Some(timeout) = fetch.args.request.idle_timeout {
        settings = settings.idle_timeout(timeout).reply_timeout(timeout);
    }
    let tls = fetch.args.reach.tls();
    let is_encrypted = args.ftp_ssl || job.url.scheme() == Scheme::Ftps;
    settings = settings.security(match job.url.scheme() {
        Scheme::Ftps => Security::Implicit(tls),
        _ if args.ftp_ssl => Security::Explicit(tls),
        _ => Security::None,
    });
    if args.ftp_active {
        settings = settings.mode(DataMode::Active);
    }
    if args.ftp_clear_data {
        let said = "--ftp-clear-data: files and listings travel in clear text";
        fetch.output.warn(said);
    }
    let credential = fetch.identity.credential.as_ref();
    let login = match credential {
        None => Login::anonymous(),
        Some(
            Credential::Basic { user, password }
            | Credential::Digest { user, password }
            | Credential::Any { user, password },
        ) => Login::new(user, password),
        Some(_) => {
            let why = "a token means nothing to a server of FTP";
            return Err(usage(why).with_hint("--user USER:PASSWORD"));
        }
    };
    let is_secret = job.url.password().is_some() || !login.is_anonymous();
    settings = settings.login(login);
    if is_secret && !is_encrypted {
        let said =
            "the password goes to the server in clear text; --ftp-ssl or ftps:// encrypts it";
        fetch.output.say(Level::Normal, said);
    }
    if fetch.output.says(Level::Verbose) {
        let output = fetch.output.clone();
        settings = settings.listener(move |said| output.say(Level::Verbose, said));
    }
    Ok(settings)
}

/// A file, where it belongs.
async fn get(fetch: &Fetch, job: &Job, ftp: &mut Ftp, path: &[u8]) -> Result<()> {
    if let Some(to) = save::destination(fetch, job)? {
        if let Some(parent) = to.parent().filter(|_| fetch.args.save.create_dirs) {
            std::fs::create_dir_all(parent)
                .map_err(|error| Error::from_io(Operation::Open, error).about(parent.display()))?;
        }
        let existing = fetch.args.save.existing();
        let scheme = job.url.scheme().as_str();
        if fetch.args.save.no_mtime {
            return Err(usage(format!(
                "--no-mtime means nothing to a URL of {scheme}"
            )));
        }
        let saved = ftp.save(path, &to, existing, |_| {}).await?;
        match saved {
            Some(path) => {
                let path = escape(path.as_os_str().as_encoded_bytes());
                fetch.output.say(Level::Normal, format!("saved {path}"));
            }
            None => fetch
                .output
                .say(Level::Normal, "it is there already, and stays as it is"),
        }
        return Ok(());
    }
    if fetch.output.json() {
        let why = "--json has no event for a file of FTP on standard output";
        return Err(usage(why).with_hint("listings and mirrors have events"));
    }
    if fetch.args.request.head {
        let (size, modified) = (ftp.size(path).await?, ftp.modified(path).await?);
        let modified = sockeye::data::fields::date::print(modified).unwrap_or_default();
        let head = format!("Content-Length: {size}\r\nLast-Modified: {modified}\r\n\r\n");
        if !fetch.output.text(&head) {
            fetch.is_unread();
        }
        return Ok(());
    }
    let download = ftp.get(path).await?;
    let length = download.size();
    show::body(fetch, Body::Ftp(Box::new(download)), &job.url, None, length).await
}

/// Send a file, or standard input.
async fn send(fetch: &Fetch, ftp: &mut Ftp, path: &[u8], from: &Path) -> Result<()> {
    let mut upload;
    if fetch.args.save.continued {
        if from.as_os_str() == "-" {
            let why = "standard input has no place in the middle to go on at";
            return Err(usage(why).with_hint("-T FILE -C sends the rest of a file"));
        }
        let sent = ftp.send_rest(path, from).await?;
        let said = format!("{sent} more bytes are there");
        fetch.output.say(Level::Verbose, said);
        return Ok(());
    }
    if from.as_os_str() == "-" {
        upload = ftp.put(path).await?;
        upload.copy_from(&mut sockeye::Stream::stdin()?).await?;
    } else {
        let opened = tokio::fs::File::open(from).await;
        let mut file =
            opened.map_err(|error| Error::from_io(Operation::Open, error).about(from.display()))?;
        upload = ftp.put(path).await?;
        upload.copy_from(&mut file).await?;
    }
    let sent = upload.sent();
    upload.finish().await?;
    fetch
        .output
        .say(Level::Verbose, format!("{sent} bytes are there"));
    Ok(())
}

/// A name in the same directory, unless it is a path of its own.
fn beside(path: &[u8], name: &str) -> Vec<u8> {
    let name = name.as_bytes();
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(at) if !name.contains(&b'/') => [&path[..=at], name].concat(),
        _ => name.to_vec(),
    }
}
