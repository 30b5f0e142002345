//! One step's stage: a private directory, the programs that run in it, and what their terminals showed.
//!
//! Commands are given as the text that is shown, and taken apart as a shell would: nothing else is run than what is read.

use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use sockeye::data::escape;
use sockeye::endpoint::Argv;
use tempfile::TempDir;

use super::program::{Capture, Program};
use super::transcript::{Line, Pane, Transcript};

/// How long a step waits for anything.
const LIMIT: Duration = Duration::from_secs(10);

/// A step being played.
pub(super) type Playing<'a> = Pin<Box<dyn Future<Output = Result<(), Broken>> + Send + 'a>>;

/// A claim that did not come true.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) expected: String,
    pub(super) seen: String,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Scene {
    programs: Vec<(Program, usize)>,
    transcript: Transcript,
    search: OsString,
    limit: Duration,
    directory: TempDir,
}

/// A running program of a scene.
#[derive(Clone, Copy, Debug)]
pub(super) struct Actor(usize);

/// A server that is ready.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) actor: Actor,
    /// Where it listens, as it says: `tcp://127.0.0.1:41233`.
    pub(super) endpoint: String,
}

/// A program that has ended.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) code: Option<i32>,
    pub(super) data: String,
    pub(super) talk: String,
}

impl Server {
    /// `127.0.0.1:41233`
    pub(super) fn address(&self) -> &str {
        let at = self.endpoint.split_once("://");
        at.map_or(&*self.endpoint, |(_, address)| address)
    }

    /// `41233`
    pub(super) fn port(&self) -> &str {
        let at = self.endpoint.rsplit_once(':');
        at.map_or("", |(_, port)| port)
    }
}

impl Scene {
    pub(super) fn new() -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("sockeye-tour-").tempdir()?;
        let programs = directory.path().join("bin");
        std::fs::create_dir(&programs)?;
        // Commands inside commands say `sockeye` too, and mean this very binary wherever it lies.
        std::os::unix::fs::symlink(std::env::current_exe()?, programs.join("sockeye"))?;
        let mut search = programs.into_os_string();
        if let Some(path) = std::env::var_os("PATH") {
            search.push(":");
            search.push(path);
        }
        Ok(Self {
            programs: Vec::new(),
            transcript: Transcript::default(),
            search,
            limit: LIMIT,
            directory,
        })
    }

    /// Wait less than usual.
    #[cfg(test)]
    pub(super) fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// Where the programs run.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// End all programs; what was seen remains.
    pub(super) async fn close(mut self) -> Transcript {
        for (program, _) in &mut self.programs {
            program.kill().await;
        }
        self.transcript
    }

    /// Make a file that was shown before.
    pub(super) fn lay(&self, name: &str, content: &str) -> Result<(), Broken> {
        std::fs::write(self.directory().join(name), content)
            .map_err(|e| broken(format!("a file {name} can be made"), e))
    }

    /// Make a folder for files.
    pub(super) fn folder(&self, name: &str) -> Result<(), Broken> {
        std::fs::create_dir(self.directory().join(name))
            .map_err(|e| broken(format!("a folder {name} can be made"), e))
    }

    /// Make a file, shown as if it were looked at.
    pub(super) fn file(
        &mut self,
        who: &'static str,
        name: &str,
        content: &str,
    ) -> Result<(), Broken> {
        self.lay(name, content)?;
        let pane = self.pane(who);
        self.show(pane, Line::Command(format!("cat {name}")));
        for line in content.lines() {
            self.show(pane, Line::Data(line.trim_end_matches('\r').to_owned()));
        }
        Ok(())
    }

    /// Look at a file that programs made, which has to have this content.
    pub(super) fn finds(
        &mut self,
        who: &'static str,
        name: &str,
        content: &str,
    ) -> Result<(), Broken> {
        let found = std::fs::read_to_string(self.directory().join(name))
            .map_err(|e| broken(format!("there is a file {name}"), e))?;
        let pane = self.pane(who);
        self.show(pane, Line::Command(format!("cat {name}")));
        for line in found.lines() {
            self.show(pane, Line::Data(line.to_owned()));
        }
        match found == content {
            true => Ok(()),
            false => Err(broken(
                format!("{name} has {content:?}"),
                format!("{found:?}"),
            )),
        }
    }

    /// Start a program at somebody's terminal.
    pub(super) fn start(&mut self, who: &'static str, command: &str) -> Result<Actor, Broken> {
        self.start_after(who, "", None, command)
    }

    fn start_after(
        &mut self,
        who: &'static str,
        before: &str,
        input: Option<&[u8]>,
        command: &str,
    ) -> Result<Actor, Broken> {
        let argv: Argv = command
            .parse()
            .map_err(|e| broken(format!("`{command}` is a command"), e))?;
        let arguments: Vec<String> = argv
            .args
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let program = Program::start(&arguments, input, self.directory.path(), &self.search)
            .map_err(|e| broken(format!("`{command}` starts"), e))?;
        let pane = self.pane(who);
        self.show(pane, Line::Command(format!("{before}{command}")));
        self.programs.push((program, pane));
        Ok(Actor(self.programs.len() - 1))
    }

    /// Start a server and wait until it says where it listens.
    pub(super) async fn serve(
        &mut self,
        who: &'static str,
        command: &str,
    ) -> Result<Server, Broken> {
        const READY: &str = "listening on ";
        let actor = self.start(who, command)?;
        // The line feed: the whole address is there.
        self.says(actor, READY).await?;
        let talk = self.talk(actor).text();
        let endpoint = talk
            .lines()
            .find_map(|line| line.strip_prefix(READY))
            .unwrap_or_default()
            .to_owned();
        Ok(Server { actor, endpoint })
    }

    /// Start a web server and wait until it says where it listens.
    pub(super) async fn serve_web(
        &mut self,
        who: &'static str,
        command: &str,
    ) -> Result<Server, Broken> {
        const READY: &str = "listening on ";
        let actor = self.start(who, command)?;
        self.writes(actor, READY).await?;
        let data = self.programs[actor.0].0.data.text();
        let url = data.lines().find_map(|line| line.strip_prefix(READY));
        let endpoint = url.unwrap_or_default().trim_end_matches('/').to_owned();
        Ok(Server { actor, endpoint })
    }

    /// Run a program to its end, with nothing to read.
    pub(super) async fn run(
        &mut self,
        who: &'static str,
        command: &str,
    ) -> Result<Finished, Broken> {
        let actor = self.start(who, command)?;
        self.ends(actor).await
    }

    /// Run `printf 'TEXT' | COMMAND` to its end.
    pub(super) async fn pipe(
        &mut self,
        who: &'static str,
        text: &str,
        command: &str,
    ) -> Result<Finished, Broken> {
        let input = escape::unescape(text)
            .map_err(|e| broken(format!("printf understands {text:?}"), e.reason()))?;
        let before = format!("printf '{text}' | ");
        let actor = self.start_after(who, &before, Some(&input), command)?;
        self.ends(actor).await
    }

    /// Start `(printf 'A'; printf 'B') | COMMAND`, each piece written when the one before was seen to leave.
    pub(super) async fn start_piecewise(
        &mut self,
        who: &'static str,
        pieces: &[&str],
        command: &str,
    ) -> Result<Actor, Broken> {
        let writes: Vec<String> = pieces
            .iter()
            .map(|piece| format!("printf '{}'", piece.replace('\n', "\\n")))
            .collect();
        let actor = self.start_after(who, &format!("({}) | ", writes.join("; ")), None, command)?;
        for piece in pieces {
            let written = self.programs[actor.0].0.write(piece.as_bytes()).await;
            written.map_err(|e| broken(format!("the program reads {piece:?}"), e))?;
            self.says(actor, &format!("> {}", piece.replace('\n', "\\n")))
                .await?;
        }
        self.programs[actor.0].0.end_input();
        Ok(actor)
    }

    /// Press Ctrl-C, and wait for the end.
    pub(super) async fn interrupts(&mut self, actor: Actor) -> Result<Finished, Broken> {
        self.catch_up(actor);
        self.show(self.programs[actor.0].1, Line::Typed("^C".into()));
        self.programs[actor.0].0.interrupt();
        self.ends(actor).await
    }

    /// The rest of the line of standard error in which this stands.
    pub(super) fn said_after(&self, actor: Actor, wanted: &str) -> String {
        let talk = self.talk(actor).text();
        let mut lines = talk.lines();
        lines
            .find_map(|line| line.split_once(wanted))
            .map(|(_, rest)| rest.to_owned())
            .unwrap_or_default()
    }

    /// Type a line at a program's terminal.
    pub(super) async fn types(&mut self, actor: Actor, line: &str) -> Result<(), Broken> {
        self.catch_up(actor);
        self.show(self.programs[actor.0].1, Line::Typed(line.to_owned()));
        let program = &mut self.programs[actor.0].0;
        program
            .write(format!("{line}\n").as_bytes())
            .await
            .map_err(|e| broken(format!("the program reads {line:?}"), e))
    }

    /// Say with Ctrl-D that this was all, and see how the program ends.
    pub(super) async fn leaves(&mut self, actor: Actor) -> Result<Finished, Broken> {
        self.ends_input(actor);
        self.ends(actor).await
    }

    /// Say with Ctrl-D that this was all.
    pub(super) fn ends_input(&mut self, actor: Actor) {
        self.catch_up(actor);
        self.show(self.programs[actor.0].1, Line::Typed("^D".into()));
        self.programs[actor.0].0.end_input();
    }

    /// Wait for the end of a program.
    pub(super) async fn ends(&mut self, actor: Actor) -> Result<Finished, Broken> {
        let limit = self.limit;
        let program = &mut self.programs[actor.0].0;
        program.end_input();
        let ended = tokio::time::timeout(limit, program.ended()).await;
        let (data, talk) = (program.data.text(), program.talk.text());
        self.catch_up(actor);
        match ended {
            Ok(Ok(code)) => Ok(Finished { code, data, talk }),
            Ok(Err(error)) => Err(broken("the program ends".into(), error)),
            Err(_) => Err(broken(
                format!("the program ends within {limit:?}"),
                format!("it still runs, having said: {data}{talk}"),
            )),
        }
    }

    /// Show how the last command ended, as `echo $?` does.
    pub(super) fn shows_code(&mut self, who: &'static str, finished: &Finished) {
        let pane = self.pane(who);
        self.show(pane, Line::Command("echo $?".into()));
        let code = finished
            .code
            .map_or_else(|| "ended by a signal".into(), |code| code.to_string());
        self.show(pane, Line::Data(code));
    }

    /// Wait until the program has written a line with this to standard output.
    pub(super) async fn writes(&mut self, actor: Actor, wanted: &str) -> Result<(), Broken> {
        let capture = self.programs[actor.0].0.data.clone();
        self.has(actor, capture, wanted).await
    }

    /// Wait until the program has written a line with this to standard error.
    pub(super) async fn says(&mut self, actor: Actor, wanted: &str) -> Result<(), Broken> {
        let capture = self.talk(actor).clone();
        self.has(actor, capture, wanted).await
    }

    async fn has(&mut self, actor: Actor, capture: Capture, wanted: &str) -> Result<(), Broken> {
        let found = tokio::time::timeout(self.limit, capture.has_line(wanted)).await;
        self.catch_up(actor);
        if found == Ok(true) {
            return Ok(());
        }
        Err(broken(
            format!("a line with {wanted:?}"),
            format!("{:?}", capture.text()),
        ))
    }

    fn talk(&self, actor: Actor) -> &Capture {
        &self.programs[actor.0].0.talk
    }

    /// Show what the program has written since the last time.
    fn catch_up(&mut self, actor: Actor) {
        let (program, pane) = &self.programs[actor.0];
        let (talk, data, pane) = (program.talk.new_lines(), program.data.new_lines(), *pane);
        let lines = &mut self.transcript.panes[pane].lines;
        lines.extend(talk.into_iter().map(Line::Talk));
        lines.extend(data.into_iter().map(Line::Data));
    }

    fn show(&mut self, pane: usize, line: Line) {
        self.transcript.panes[pane].lines.push(line);
    }

    /// The terminal of somebody; a new one when they have none yet.
    fn pane(&mut self, who: &'static str) -> usize {
        let panes = &mut self.transcript.panes;
        let known = panes.iter().position(|pane| pane.who == who);
        known.unwrap_or_else(|| {
            panes.push(Pane {
                who,
                lines: Vec::new(),
            });
            panes.len() - 1
        })
    }
}

impl Finished {
    /// It ended with this exit code.
    pub(super) fn exited(&self, code: i32) -> Result<(), Broken> {
        if self.code == Some(code) {
            return Ok(());
        }
        let ended = match self.code {
            Some(code) => format!("exit code {code}"),
            None => "it was ended by a signal".into(),
        };
        let seen = format!("{ended}, having said: {}", self.talk.trim_end());
        Err(broken(format!("exit code {code}"), seen))
    }

    /// Its standard output has this in it.
    pub(super) fn contains(&self, wanted: &str) -> Result<(), Broken> {
        match self.data.contains(wanted) {
            true => Ok(()),
            false => Err(broken(format!("{wanted:?} within it"), &self.data)),
        }
    }

    /// Its standard output is exactly this.
    pub(super) fn wrote(&self, wanted: &str) -> Result<(), Broken> {
        if self.data == wanted {
            return Ok(());
        }
        Err(broken(
            format!("exactly {wanted:?}"),
            format!("{:?}", self.data),
        ))
    }

    /// Its standard output has a line with all of these words.
    pub(super) fn wrote_line(&self, words: &[&str]) -> Result<(), Broken> {
        let mut lines = self.data.lines();
        if lines.any(|line| words.iter().all(|word| line.contains(word))) {
            return Ok(());
        }
        Err(broken(
            format!("a line with {}", words.join(" and ")),
            format!("{:?}", self.data),
        ))
    }

    /// Its standard error has this.
    pub(super) fn said(&self, wanted: &str) -> Result<(), Broken> {
        if self.talk.contains(wanted) {
            return Ok(());
        }
        Err(broken(format!("{wanted:?}"), format!("{:?}", self.talk)))
    }

    /// Its standard error does not have this.
    pub(super) fn did_not_say(&self, unwanted: &str) -> Result<(), Broken> {
        if !self.talk.contains(unwanted) {
            return Ok(());
        }
        Err(broken(
            format!("no {unwanted:?}"),
            format!("{:?}", self.talk),
        ))
    }
}

fn broken(expected: String, seen: impl ToString) -> Broken {
    Broken {
        expected,
        seen: seen.to_string(),
    }
}
