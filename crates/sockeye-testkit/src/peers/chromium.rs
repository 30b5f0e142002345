//! Chromium without a screen: pages, what their scripts made of them, how they look, and a hand that clicks.
//!
//! It is driven through pipes by a script of Python's standard library, so that no port is open for that.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::{chromium, python3};
use crate::Program;

/// A browser that finds nothing but this machine and trusts every certificate. It runs until the value is dropped, or the
/// process ends.
///
/// # Examples
///
/// ```
/// use sockeye_testkit::peers::Chromium;
///
/// if let Some(browser) = Chromium::start() {
///     let page = browser.open("data:text/html,<p></p><script>document.querySelector('p').append(6*7)</script>");
///     assert!(page.dom().contains("<p>42</p>"));
/// }
/// ```
#[derive(Debug)]
pub struct Chromium {
    // Before the folder, in which it writes.
    driver: Mutex<Driver>,
    dir: tempfile::TempDir,
}

#[derive(Debug)]
struct Driver {
    program: Program,
    asked: usize,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Of the window, in pixels; below 600 it is a telephone's.
    pub width: u32,
    /// Of the window, in pixels.
    pub height: u32,
    /// What the person prefers: dark colours, or light ones.
    pub dark: bool,
    /// Whether scripts run.
    pub scripts: bool,
}

impl Default for Look {
    /// 1280 times 800, light, with scripts.
    fn default() -> Self {
        Self {
            width: 1280,
            height: 800,
            dark: false,
            scripts: true,
        }
    }
}

/// A page with cookies and a cache of its own. It is closed when the value is dropped.
///
/// All methods panic with the browser's reason if something cannot be done within 8 seconds.
#[derive(Debug)]
pub struct Page<'a> {
    browser: &'a Chromium,
    id: String,
}

impl Chromium {
    /// Start one, which takes about half a second; `None` after a visible note if it or Python is missing.
    ///
    /// # Panics
    ///
    /// If it is there and does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        let (chromium, python) = (chromium()?, python3()?);
        let dir = crate::temporary_dir();
        // A file, so that a failed test does not show all of it as the program's arguments.
        let driver = dir.path().join("driver.py");
        fs::write(&driver, include_str!("chromium.py")).unwrap();
        let mut args = vec![
            "-u".to_owned(),
            text(&driver),
            text(dir.path()),
            text(&chromium),
        ];
        args.extend(FLAGS.map(str::to_owned));
        args.push(format!("--user-data-dir={}/profile", text(dir.path())));
        if nix::unistd::Uid::effective().is_root() {
            // It refuses to run as root with its sandbox.
            args.push("--no-sandbox".to_owned());
        }
        let program = Program::start(python, args);
        let driver = Mutex::new(Driver { program, asked: 0 });
        let browser = Self { driver, dir };
        browser.ask(&["start"]);
        Some(browser)
    }

    /// The one that all tests of this process share; its pages know nothing of each other, and wait for each other.
    ///
    /// # Panics
    ///
    /// If it is there and does not start.
    #[must_use]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Chromium>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Open a URL in a page of its own and wait until it is loaded, subresources included.
    ///
    /// # Panics
    ///
    /// If it cannot be opened. A page with a status such as 404 can.
    #[track_caller]
    pub fn open(&self, url: &str) -> Page<'_> {
        self.open_as(url, Look::default())
    }

    /// [`open`](Self::open) with another window, other colours or no scripts.
    ///
    /// # Panics
    ///
    /// If it cannot be opened.
    #[track_caller]
    pub fn open_as(&self, url: &str, look: Look) -> Page<'_> {
        let page = self.page(look);
        page.go(url);
        page
    }

    /// An empty page. A URL that is saved rather than shown needs one: [`Page::evaluate`] `location = URL`.
    ///
    /// # Panics
    ///
    /// If the browser has ended.
    #[track_caller]
    pub fn page(&self, look: Look) -> Page<'_> {
        let mut fields = vec!["page".to_owned()];
        fields.extend(look.fields());
        let id = self.ask(&fields);
        Page { browser: self, id }
    }

    /// The name and the contents of the next file that a page of this browser has saved. Wait for it.
    ///
    /// # Panics
    ///
    /// If there is none, or it was cut short.
    #[track_caller]
    pub fn downloaded(&self) -> (String, Vec<u8>) {
        let answer = self.ask(&["downloaded"]);
        let (name, path) = answer.split_once('\n').unwrap();
        (name.to_owned(), fs::read(path).unwrap())
    }

    #[track_caller]
    fn ask<S: AsRef<str>>(&self, fields: &[S]) -> String {
        match self.try_ask(fields) {
            Ok(answer) => answer,
            Err(reason) => panic!("chromium: {}: {reason}", fields[0].as_ref()),
        }
    }

    #[track_caller]
    fn try_ask<S: AsRef<str>>(&self, fields: &[S]) -> Result<String, String> {
        // Whoever panicked had sent a whole command; answers have numbers.
        let mut driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner);
        let fields: Vec<String> = fields.iter().map(|field| escape(field.as_ref())).collect();
        let number = driver.asked;
        driver.asked += 1;
        driver.program.write(fields.join("\t") + "\n");
        let line = driver.program.line_starting_with(&format!("{number} "));
        match line.split_once(' ') {
            Some(("ok", answer)) => Ok(unescape(answer)),
            Some((_, reason)) => Err(unescape(reason)),
            None => Err(line),
        }
    }
}

/// Nothing of its own accord, nothing from outside, and pictures without scroll bars.
const FLAGS: [&str; 14] = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-sync",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--ignore-certificate-errors",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE *.localhost , EXCLUDE 127.0.0.1 , EXCLUDE ::1",
];

impl Look {
    fn fields(self) -> [String; 4] {
        let scheme = if self.dark { "dark" } else { "light" };
        [
            self.width.to_string(),
            self.height.to_string(),
            scheme.to_owned(),
            self.scripts.to_string(),
        ]
    }
}

impl Page<'_> {
    /// Go to another URL and wait until it is loaded.
    #[track_caller]
    pub fn go(&self, url: &str) {
        self.ask("open", &[url]);
    }

    /// Look at it in another way from now on.
    #[track_caller]
    pub fn look(&self, look: Look) {
        self.ask("look", &look.fields());
    }

    /// The document as it is now, as HTML.
    #[track_caller]
    pub fn dom(&self) -> String {
        self.ask("dom", &[""; 0])
    }

    /// The value of this JavaScript expression, promises awaited: a string as it is, all else as JSON.
    #[track_caller]
    pub fn evaluate(&self, expression: &str) -> String {
        self.ask("evaluate", &[expression])
    }

    /// Wait until this JavaScript expression is true, on whatever page this one goes to meanwhile.
    #[track_caller]
    pub fn wait(&self, expression: &str) {
        self.ask("wait", &[expression]);
    }

    /// What the window shows, as PNG.
    #[track_caller]
    pub fn screenshot(&self) -> Vec<u8> {
        let path = self.browser.dir.path().join(format!("{}.png", self.id));
        self.ask("screenshot", &[text(&path)]);
        fs::read(path).unwrap()
    }

    /// Click in the middle of the first element that this CSS selector matches.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.ask("click", &[selector]);
    }

    /// Type this text where the focus is.
    #[track_caller]
    pub fn type_text(&self, words: &str) {
        self.ask("type", &[words]);
    }

    /// Press a key, by its name in JavaScript: `Enter`, `Tab`, `Escape`, `ArrowDown`, `a`.
    #[track_caller]
    pub fn press(&self, key: &str) {
        self.ask("press", &[key]);
    }

    /// Choose these files in an `<input type=file>`.
    #[track_caller]
    pub fn choose_files(&self, selector: &str, paths: &[&Path]) {
        let paths = paths.iter().map(|path| text(path));
        let fields: Vec<String> = [selector.to_owned()].into_iter().chain(paths).collect();
        self.ask("files", &fields);
    }

    /// Drop these files onto an element.
    #[track_caller]
    pub fn drop_files(&self, selector: &str, paths: &[&Path]) {
        let paths = paths.iter().map(|path| text(path));
        let fields: Vec<String> = [selector.to_owned()].into_iter().chain(paths).collect();
        self.ask("drop", &fields);
    }

    /// All that its console has: `log: …`, `error: …` (what was refused or not found, too), `exception: …`, `dialog: …`.
    #[track_caller]
    pub fn console(&self) -> Vec<String> {
        lines(&self.ask("said", &[""; 0]))
    }

    /// All that it asked for, in order: method, status or error (`-` while there is none), URL.
    #[track_caller]
    pub fn requests(&self) -> Vec<String> {
        lines(&self.ask("asked", &[""; 0]))
    }

    #[track_caller]
    fn ask<S: AsRef<str>>(&self, what: &str, fields: &[S]) -> String {
        let mut all = vec![what, &self.id];
        all.extend(fields.iter().map(AsRef::as_ref));
        self.browser.ask(&all)
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        // After a failure the browser may not answer, and has said enough.
        if !std::thread::panicking() {
            drop(self.browser.try_ask(&["close", &self.id]));
        }
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn text(path: &Path) -> String {
    PathBuf::from(path).into_os_string().into_string().unwrap()
}

fn escape(field: &str) -> String {
    let mut out = String::new();
    for c in field.chars() {
        match c {
            '\\' => out += "\\\\",
            '\t' => out += "\\t",
            '\n' => out += "\\n",
            '\r' => out += "\\r",
            c => out.write_char(c).unwrap(),
        }
    }
    out
}

fn unescape(field: &str) -> String {
    let mut out = String::new();
    let mut rest = field.chars();
    while let Some(c) = rest.next() {
        let c = match c {
            '\\' => match rest.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some(c) => c,
                None => break,
            },
            c => c,
        };
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::panic::{self, AssertUnwindSafe};

    use super::*;
    use crate::peers::Nginx;

    fn with_page(html: &str, test: impl FnOnce(&Chromium, &Nginx, &str)) {
        let (Some(browser), Some(nginx)) = (Chromium::start(), Nginx::start()) else {
            return;
        };
        nginx.put("index.html", html);
        let url = format!("http://{}/", nginx.http());
        test(&browser, &nginx, &url);
    }

    fn size(png: &[u8]) -> (u32, u32) {
        assert!(png.starts_with(b"\x89PNG\r\n"), "no PNG");
        let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        (number(16), number(20))
    }

    #[test]
    fn a_page_is_seen_after_its_scripts_ran_and_as_it_looks() {
        let html = "<!doctype html><meta name=viewport content='width=device-width'>\
            <style>body{background:#fff}@media(prefers-color-scheme:dark){body{background:#000}}</style>\
            <p>no</p><script>document.querySelector('p').textContent=\
            matchMedia('(prefers-color-scheme: dark)').matches+' '+innerWidth</script>";
        with_page(html, |browser, _, url| {
            let page = browser.open(url);
            assert!(page.dom().contains("<p>false 1280</p>"), "{}", page.dom());
            let light = page.screenshot();
            assert_eq!(size(&light), (1280, 800));
            let dark = Look {
                width: 390,
                height: 844,
                dark: true,
                ..Look::default()
            };
            page.look(dark);
            assert_eq!(size(&page.screenshot()), (390, 844));
            let page = browser.open_as(url, dark);
            assert!(page.dom().contains("<p>true 390</p>"), "{}", page.dom());
            let scripts = false;
            let page = browser.open_as(
                url,
                Look {
                    scripts,
                    ..Look::default()
                },
            );
            assert!(page.dom().contains("<p>no</p>"), "{}", page.dom());
            assert_ne!(page.screenshot(), light);
        });
    }

    #[test]
    fn a_hand_clicks_types_and_gives_files() {
        let html = "<!doctype html><input id=name><button id=b onclick=\"out.append(document.querySelector('input').value)\">b</button>\
            <input type=file multiple onchange='show(this.files)'><div id=drop ondragover='event.preventDefault()' \
            ondrop='event.preventDefault();show(event.dataTransfer.files)'>here</div><p id=out></p>\
            <script>async function show(files){for(const f of files)out.append('['+f.name+': '+await f.text()+']')}\
            addEventListener('keydown',e=>{if(e.key=='ArrowDown'||e.key=='x')out.append('<'+e.key+'>')})</script>";
        with_page(html, |browser, _, url| {
            let folder = crate::temporary_dir();
            let (one, two) = (folder.path().join("one.txt"), folder.path().join("zwei ü"));
            fs::write(&one, "1").unwrap();
            fs::write(&two, "2").unwrap();
            let page = browser.open(url);
            page.click("#name");
            page.type_text("a\tb\\nü");
            page.press("x");
            page.press("ArrowDown");
            page.click("#b");
            assert_eq!(page.evaluate("out.textContent"), "<x><ArrowDown>a\tb\\nüx");
            page.choose_files("input[type=file]", &[&one, &two]);
            page.wait("out.textContent.includes('[zwei ü: 2]')");
            page.drop_files("#drop", &[&one]);
            page.wait("out.textContent.endsWith('[one.txt: 1]')");
        });
    }

    #[test]
    fn what_a_page_asked_said_and_saved_is_known() {
        let html = "<!doctype html><link rel=icon href=data:,><a id=a href=/file.bin download=name.bin>save</a>\
            <img src=/none.png><script>console.log('hello', 1);null.x</script><script>alert('stop')</script>\
            <script src=http://elsewhere.example/x.js></script>";
        with_page(html, |browser, nginx, url| {
            nginx.put("file.bin", b"\0\x01");
            let page = browser.open(url);
            let asked = page.requests();
            assert!(asked.contains(&format!("GET 200 {url}")), "{asked:?}");
            assert!(
                asked.contains(&format!("GET 404 {url}none.png")),
                "{asked:?}"
            );
            let outside = "GET net::ERR_NAME_NOT_RESOLVED http://elsewhere.example/x.js";
            assert!(asked.iter().any(|line| line == outside), "{asked:?}");
            let said = page.console();
            assert!(said.contains(&"log: hello 1".to_owned()), "{said:?}");
            assert!(said.contains(&"dialog: stop".to_owned()), "{said:?}");
            let failed = |line: &String| line.starts_with("exception: TypeError");
            assert!(said.iter().any(failed), "{said:?}");
            page.click("#a");
            assert_eq!(
                browser.downloaded(),
                ("name.bin".to_owned(), b"\0\x01".to_vec())
            );
            // nginx listens in one family only, but neither is unknown.
            let port = nginx.http().port();
            let outcome = browser.try_ask(&["open", &page.id, &format!("http://[::1]:{port}/")]);
            let reason = outcome.unwrap_err();
            assert!(!reason.contains("NAME_NOT_RESOLVED"), "{reason}");
            page.go(&format!("http://localhost:{port}/"));
            // Over TLS too, whoever signed the certificate.
            let secure = format!("https://{}/", nginx.h2());
            page.evaluate(&format!("setTimeout(() => {{ location = '{secure}' }})"));
            page.wait("location.protocol == 'https:' && document.querySelector('a')");
            assert_eq!(page.evaluate("({a: [1, null]})"), "{\"a\": [1, null]}");
        });
    }

    #[test]
    fn what_cannot_be_done_fails_with_a_reason() {
        let Some(browser) = Chromium::shared() else {
            return;
        };
        let page = browser.open("about:blank");
        let because = |what: &dyn Fn(&Page<'_>)| {
            let panic = panic::catch_unwind(AssertUnwindSafe(|| what(&page))).unwrap_err();
            panic.downcast_ref::<String>().unwrap().clone()
        };
        let text = because(&|page| page.click("#none"));
        assert!(text.contains("nothing matches #none"), "{text}");
        let text = because(&|page| drop(page.evaluate("nothing.at.all")));
        assert!(text.contains("ReferenceError"), "{text}");
        let text = because(&|page| page.go("http://elsewhere.example/"));
        assert!(text.contains("ERR_NAME_NOT_RESOLVED"), "{text}");
    }
}
