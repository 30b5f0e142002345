//! Programs that answer: CGI, commands, Python applications.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args as ClapArgs;
use serde::Serialize;
use sockeye::endpoint::Argv;
use sockeye::web::Shared;
use sockeye::web::files::Root;
use sockeye::web::programs::{
    ByExtension, Cgi, Exec, Mounts, Redirects, Remark, RemarkKind, Scripts, Setup, Wsgi,
    WsgiOptions,
};
use sockeye::{Error, Kind, Operation, Result};

use super::Args;
use crate::args;
use crate::commands::listen::program::find;
use crate::output::{Level, Output};

/// Programs that answer.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Programs")]
pub(super) struct ProgramArgs {
    /// Run CGI programs at this path: those of a folder (/cgi-bin=./cgi-bin), or one program; may be repeated
    #[arg(long, value_name = "PATH=DIR_OR_PROGRAM", value_parser = place)]
    cgi: Vec<Place>,
    /// Run files of the folder whose names end so (.cgi, .py) as CGI programs; may be repeated or comma-separated
    #[arg(long, value_name = "ENDING", value_delimiter = ',', value_parser = ending)]
    cgi_ext: Vec<String>,
    /// Answer this path, and all beneath, with the output of a command; its words are split as in a shell, but no shell
    /// runs. Its environment is that of a CGI program, its input the body of the request
    #[arg(long, value_name = "PATH=CMD", value_parser = place)]
    exec: Vec<Place>,
    /// The same with a line for /bin/sh
    #[arg(long, value_name = "PATH=LINE", value_parser = place)]
    shell: Vec<Place>,
    /// With --exec or --shell: the media type of their output [default: text/plain if it begins as UTF-8]
    #[arg(long, value_name = "TYPE", value_parser = media_type)]
    exec_type: Option<String>,
    /// Answer with a WSGI application, at this path or everywhere: /shop=shop:app, shop, shop:create_app()
    #[arg(long, value_name = "[PATH=]MODULE:APP", value_parser = application)]
    wsgi: Vec<Place>,
    /// With --wsgi: processes of each application [default: as many as there are processors]
    #[arg(long, value_name = "N", requires = "wsgi", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// With --wsgi: threads of each process, each with one request at a time
    #[arg(long, value_name = "N", requires = "wsgi", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    worker_threads: u16,
    /// With --wsgi: the interpreter
    #[arg(long, value_name = "EXE", requires = "wsgi", default_value = "python3")]
    python: OsString,
    /// With --wsgi: where the application runs, and where its modules are looked for first
    #[arg(long, value_name = "DIR", requires = "wsgi")]
    chdir: Option<PathBuf>,
    /// With --wsgi: another process takes a worker's place after so many requests
    #[arg(long, value_name = "N", requires = "wsgi", value_parser = clap::value_parser!(u64).range(1..))]
    max_requests_per_worker: Option<u64>,
    /// With --wsgi: load the application anew when a file of its modules changes
    #[arg(long, requires = "wsgi")]
    reload: bool,
    /// Pass a variable of ours on to CGI programs and commands, or set one; may be repeated
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = variable)]
    env: Vec<(String, OsString)>,
    /// Pass Authorization on to programs, which may then ask for passwords of their own
    #[arg(long)]
    pass_authorization: bool,
    /// End a program that neither takes input nor gives output for this long
    #[arg(long, value_name = "TIME", value_parser = args::duration, default_value = "60s")]
    program_timeout: Duration,
    /// At most this many CGI programs and commands at once; further requests wait
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    max_programs: u32,
    /// At most this many requests wait for a program; further ones are answered with 503
    #[arg(long, value_name = "N", default_value_t = 128)]
    program_queue: u32,
    /// At most this many bytes of a request's body for a program; it is passed on as it comes
    #[arg(long, value_name = "SIZE", value_parser = args::size, default_value = "1GiB")]
    program_body: u64,
    /// Bytes of memory that each process of a program may have [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = args::size)]
    program_memory: Option<u64>,
    /// Processor time that a CGI program or command may use, in whole seconds [default: no limit]
    #[arg(long, value_name = "TIME", value_parser = args::duration)]
    program_cpu: Option<Duration>,
    /// At most this many bytes of header lines from a CGI program
    #[arg(long, value_name = "SIZE", value_parser = args::size, default_value = "32KiB")]
    program_head: u64,
}

/// A path of the site, and what is there.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) what: String,
}

pub(super) fn place(text: &str) -> Result<Place, String> {
    match text.split_once('=') {
        Some((path, what)) if path.starts_with('/') && !what.trim().is_empty() => Ok(Place {
            path: path.to_owned(),
            what: what.to_owned(),
        }),
        _ => Err("it is a path, =, and what is there, as in /path=WHAT".into()),
    }
}

fn application(text: &str) -> Result<Place, String> {
    if text.starts_with('/') {
        return place(text);
    }
    Ok(Place {
        path: "/".into(),
        what: text.to_owned(),
    })
}

fn ending(text: &str) -> Result<String, String> {
    match text.strip_prefix('.') {
        Some(name) if !name.is_empty() && !name.contains('/') => Ok(text.to_owned()),
        _ => Err("an ending begins with a dot, as in .cgi".into()),
    }
}

fn media_type(text: &str) -> Result<String, String> {
    match sockeye::data::fields::MediaType::parse(text.as_bytes()) {
        Some(_) => Ok(text.to_owned()),
        None => Err("a media type looks like text/plain".into()),
    }
}

fn variable(text: &str) -> Result<(String, OsString), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(OsString::from(value))),
        None => (text, std::env::var_os(text)),
    };
    if name.is_empty() {
        return Err("a variable has a name".into());
    }
    match value {
        Some(value) => Ok((name.to_owned(), value)),
        None => Err(format!(
            "there is no variable `{name}` to pass on; NAME=VALUE sets one"
        )),
    }
}

/// What runs beside the server.
#[derive(Clone, Debug, Default)]
pub(super) struct Programs {
    redirects: Redirects,
    applications: Vec<Wsgi>,
}

impl Programs {
    /// The whole site, where programs may point to.
    pub(super) fn know(&self, site: &Shared) {
        self.redirects.set(site);
    }

    /// Whether there are applications.
    pub(super) fn has_applications(&self) -> bool {
        !self.applications.is_empty()
    }

    /// Load applications anew.
    pub(super) fn reload(&self) {
        for application in &self.applications {
            application.reload();
        }
    }

    /// Let workers end.
    pub(super) async fn stop(&self) {
        for application in &self.applications {
            application.stop().await;
        }
    }
}

/// The site so far, with this around it.
pub(super) async fn wrap(args: &Args, site: Shared, output: &Output) -> Result<(Shared, Programs)> {
    let flags = &args.programs;
    flags.check(args)?;
    let (setup, root) = (flags.setup(output), root(args)?);
    let mut programs = Programs::default();
    let cgi = |scripts| {
        Cgi::new(scripts, &setup)
            .root(&root)
            .redirects(&programs.redirects)
    };
    let mut site = site;
    if !flags.cgi_ext.is_empty() {
        refuse_uploadable(&root, &root, args)?;
        let found = cgi(Scripts::new(&root)?);
        site = Shared::new(ByExtension::new(found, &flags.cgi_ext, site));
    }
    let mut mounts = Mounts::new(site);
    for place in &flags.cgi {
        let scripts = Scripts::new(&place.what)?;
        refuse_uploadable(&root, scripts.path(), args)?;
        mounts = mounts.at(&place.path, cgi(scripts));
    }
    for (place, is_shell) in flags.commands() {
        let mut exec = match is_shell {
            true => Exec::shell(&place.what, &setup),
            false => {
                let argv = place.what.parse::<Argv>()?;
                find(&argv)?;
                Exec::new(argv, &setup)
            }
        };
        if let Some(media_type) = &flags.exec_type {
            exec = exec.media_type(media_type);
        }
        mounts = mounts.at(&place.path, exec);
    }
    for place in &flags.wsgi {
        let dir = flags.chdir.as_deref().unwrap_or(".".as_ref());
        let code = dir
            .canonicalize()
            .map_err(|error| Error::from_io(Operation::Open, error).about(dir.display()))?;
        refuse_uploadable(&root, &code, args)?;
        let application = Wsgi::start(&place.what, flags.options(), &setup).await?;
        mounts = mounts.at(&place.path, application.clone());
        programs.applications.push(application);
    }
    Ok((Shared::new(mounts), programs))
}

impl ProgramArgs {
    fn commands(&self) -> impl Iterator<Item = (&Place, bool)> {
        let commands = self.exec.iter().map(|place| (place, false));
        commands.chain(self.shell.iter().map(|place| (place, true)))
    }

    /// Whether a program has all of the site, so that no file is ever served.
    fn takes_all(&self) -> bool {
        let mut places = self.cgi.iter().chain(&self.exec).chain(&self.shell);
        places.by_ref().chain(&self.wsgi).any(|place| {
            place
                .path
                .split('/')
                .all(|piece| piece.is_empty() || piece == ".")
        })
    }

    /// Refuse what would have no effect.
    fn check(&self, args: &Args) -> Result<()> {
        let usage = |why: &str| Error::new(Kind::Usage, Operation::Parse, why);
        if self.takes_all() && (args.dir.is_some() || !self.cgi_ext.is_empty()) {
            let why = "a program has the whole site, so no file of the folder would be served";
            return Err(
                usage(why).with_hint("give it a path of its own, as in --wsgi /app=MODULE:APP")
            );
        }
        if self.exec_type.is_some() && self.commands().next().is_none() {
            return Err(usage(
                "--exec-type says what --exec and --shell write, and there is none",
            ));
        }
        Ok(())
    }

    pub(super) fn setup(&self, output: &Output) -> Setup {
        let mut setup = Setup::new()
            .limits(|limits| {
                let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
                limits.silence = self.program_timeout;
                limits.at_once = count(self.max_programs.into());
                limits.queue = count(self.program_queue.into());
                limits.body = self.program_body;
                limits.memory = self.program_memory;
                limits.cpu = self.program_cpu;
                limits.head.bytes = count(self.program_head);
            })
            .pass_authorization(self.pass_authorization);
        for (name, value) in &self.env {
            setup = setup.env(name, value);
        }
        let output = output.clone();
        setup.remarks(move |remark| tell(&output, remark))
    }

    fn options(&self) -> WsgiOptions {
        let mut options = WsgiOptions::default();
        if let Some(workers) = self.workers {
            options.workers = workers.into();
        }
        options.threads = self.worker_threads.into();
        options.python = self.python.clone();
        options.dir = self.chdir.clone();
        options.requests = self.max_requests_per_worker;
        options.reload = self.reload;
        options
    }
}

/// The folder that is served, as programs are told of it.
fn root(args: &Args) -> Result<PathBuf> {
    let dir = args.dir.as_deref().unwrap_or(".".as_ref());
    dir.canonicalize()
        .map_err(|error| Error::from_io(Operation::Open, error).about(dir.display()))
}

/// The folder without the text of programs: it is nothing for clients, neither as a file nor in listings and archives.
pub(super) fn withhold(args: &Args, mut files: Root) -> Result<Root> {
    let (flags, root) = (&args.programs, root(args)?);
    let within = |path: &Path| {
        let path = path.canonicalize().ok()?;
        Some(path.strip_prefix(&root).ok()?.to_owned())
    };
    for place in &flags.cgi {
        if let Some(path) = within(place.what.as_ref()) {
            // Before uploads find that their folder is not there.
            refuse_uploadable(&root, &root.join(&path), args)?;
            files = files.withhold(path.as_os_str().as_encoded_bytes());
        }
    }
    for ending in &flags.cgi_ext {
        files = files.withhold_ending(ending);
    }
    let code = flags.chdir.as_deref().unwrap_or(".".as_ref());
    let is_around = |code: &Path| code.canonicalize().is_ok_and(|code| root.starts_with(code));
    if !flags.wsgi.is_empty() && (within(code).is_some() || is_around(code)) {
        for ending in [".py", ".pyc"] {
            files = files.withhold_ending(ending);
        }
    }
    Ok(files)
}

/// What clients may put there must not be run: neither where programs are, nor around or beneath that.
fn refuse_uploadable(root: &Path, code: &Path, args: &Args) -> Result<()> {
    for path in args.upload.paths() {
        let names = path
            .split('/')
            .filter(|name| !name.is_empty() && *name != ".");
        let area = root.join(names.collect::<PathBuf>());
        // Where the area is a link, what it leads to.
        let area = area.canonicalize().unwrap_or(area);
        if code.starts_with(&area) || area.starts_with(code) {
            let why = format!(
                "uploads at {path} could become programs: {} and {} overlap",
                area.display(),
                code.display()
            );
            let hint = "--upload=/PATH takes files beneath one path only; keep programs elsewhere";
            return Err(Error::new(Kind::Usage, Operation::Parse, why).with_hint(hint));
        }
    }
    Ok(())
}

/// Something about a program.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "program")]
struct ProgramEvent<'a> {
    program: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    about: &'static str,
    text: &'a str,
    #[serde(skip)]
    line: String,
}

impl std::fmt::Display for ProgramEvent<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.line)
    }
}

fn tell(output: &Output, remark: &Remark<'_>) {
    let event = ProgramEvent {
        program: remark.program,
        pid: remark.pid,
        about: match remark.kind {
            RemarkKind::Said => "said",
            RemarkKind::Worker => "worker",
            _ => "failed",
        },
        text: remark.text,
        line: remark.to_string(),
    };
    output.event(Level::Normal, &event);
}
