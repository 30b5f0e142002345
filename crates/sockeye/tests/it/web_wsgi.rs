//! WSGI applications in Python workers.

use std::process::Command;
use std::time::Duration;

use sockeye::web::programs::{Mounts, Wsgi, WsgiOptions};
use sockeye::web::{Request, Response, TestClient};
use sockeye_testkit::peers::{self, python_with, python3};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::web_programs::{Folder, Heard, Site, gone, run, soon};

/// An application with a path for everything.
const APP: &str = r#"
import os, signal, sys, threading, time

WAIT = threading.Event()

def app(environ, start_response):
    path = environ["PATH_INFO"]
    ok = lambda: start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/hello":
        ok()
        return [b"Hello, world!\n"]
    if path == "/pid":
        ok()
        return [str(os.getpid()).encode()]
    if path == "/names":
        ok()
        names = ["SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "CONTENT_LENGTH", "wsgi.url_scheme", "wsgi.multithread",
                 "wsgi.multiprocess", "HTTP_PROXY", "HTTP_AUTHORIZATION"]
        return [("%s=%r\n" % (name, environ.get(name))).encode() for name in names]
    if path.startswith("/path"):
        ok()
        return [path.encode("latin-1")]
    if path == "/echo":
        ok()
        return [environ["wsgi.input"].read()]
    if path == "/lines":
        ok()
        body = environ["wsgi.input"]
        return [body.readline() + b"|" + b"|".join(body.readlines()) + b"|" + body.read(5)]
    if path == "/count":
        ok()
        count = 0
        for block in iter(lambda: environ["wsgi.input"].read(65536), b""):
            count += len(block)
        return [str(count).encode()]
    if path == "/deaf":
        ok()
        return [b"not a byte"]
    if path == "/stream":
        ok()
        return (b"%d\n" % n for n in range(3))
    if path == "/write":
        write = ok()
        write(b"one ")
        return [b"two"]
    if path == "/file":
        ok()
        return environ["wsgi.file_wrapper"](open(__file__, "rb"))
    if path == "/lazy":
        def lazy():
            ok()
            yield b"late head"
        return lazy()
    if path == "/raise":
        raise ValueError("before")
    if path == "/half":
        def half():
            ok()
            yield b"half"
            raise ValueError("in the middle")
        return half()
    if path == "/replaced":
        ok()
        try:
            raise KeyError("x")
        except KeyError:
            start_response("503 Sorry", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"sorry"]
    if path == "/twice":
        ok()
        ok()
        return []
    if path == "/text":
        ok()
        return ["text"]
    if path == "/none":
        return [b"no head"]
    if path == "/short":
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "9")])
        return [b"short"]
    if path == "/smuggle":
        start_response("200 OK", [("X", "a\r\nY: b")])
        return []
    if path == "/sleep":
        WAIT.wait()
    if path == "/die":
        os.kill(os.getpid(), signal.SIGKILL)
    if path == "/exit":
        os._exit(3)
    if path == "/endless":
        class Endless:
            def __iter__(self):
                return self
            def __next__(self):
                return b"a" * 1000
            def close(self):
                print("closed", file=environ["wsgi.errors"])
        ok()
        return Endless()
    if path == "/says":
        print("printed")
        environ["wsgi.errors"].write("to the \x1b log\n")
        ok()
        return []
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"nothing\n"]
"#;

/// One worker, the application in a folder of its own.
fn options(folder: &Folder) -> WsgiOptions {
    let mut options = WsgiOptions::default();
    options.workers = 1;
    options.dir = Some(folder.path().to_owned());
    options
}

struct App {
    folder: Folder,
    heard: Heard,
    wsgi: Wsgi,
}

impl App {
    async fn start(change: impl FnOnce(&mut WsgiOptions)) -> Option<Self> {
        let heard = Heard::default();
        Self::with(&heard, &heard.setup(), change).await
    }

    async fn with(
        heard: &Heard,
        setup: &sockeye::web::programs::Setup,
        change: impl FnOnce(&mut WsgiOptions),
    ) -> Option<Self> {
        python3()?;
        let folder = Folder::new();
        folder.put("testapp.py", APP, 0o644);
        let mut options = options(&folder);
        change(&mut options);
        let wsgi = soon(Wsgi::start("testapp:app", options, setup))
            .await
            .unwrap();
        Some(Self {
            folder,
            heard: heard.clone(),
            wsgi,
        })
    }

    fn client(&self) -> TestClient {
        let site = async |_: Request| Response::error(404, "the site");
        TestClient::new(Mounts::new(site).at("/app", self.wsgi.clone()))
    }

    async fn end(self) {
        soon(self.wsgi.stop()).await;
    }
}

async fn got(client: &mut TestClient, target: &str) -> (u16, String) {
    let answer = soon(client.get(target)).await;
    (answer.status(), answer.text().into_owned())
}

#[tokio::test]
async fn what_applications_may_do() {
    let Some(app) = App::start(|_| {}).await else {
        return;
    };
    let mut client = app.client();
    for (path, status, text) in [
        ("/hello", 200, "Hello, world!\n"),
        ("/path/na%c3%af%20ve", 200, "/path/na\u{ef} ve"),
        ("/stream", 200, "0\n1\n2\n"),
        ("/write", 200, "one two"),
        ("/file", 200, APP),
        ("/lazy", 200, "late head"),
        ("/replaced", 503, "sorry"),
        ("/nowhere", 404, "nothing\n"),
        ("/raise", 500, "the application failed\n"),
        ("/twice", 500, "the application failed\n"),
        ("/text", 500, "the application failed\n"),
        ("/none", 500, "the application failed\n"),
        ("/smuggle", 500, "the application failed\n"),
        ("/short", 502, "the application failed\n"),
        ("/a/../b", 400, "`..` in the path of a program\n"),
    ] {
        let found = got(&mut client, &format!("/app{path}")).await;
        assert_eq!(
            found,
            (status, text.to_owned()),
            "{path}: {:?}",
            app.heard.all()
        );
    }
    let names = got(&mut client, "/app/names?a=%20").await.1;
    let wanted = "SCRIPT_NAME='/app'\nPATH_INFO='/names'\nQUERY_STRING='a=%20'\nCONTENT_LENGTH=None\n\
        wsgi.url_scheme='http'\nwsgi.multithread=False\nwsgi.multiprocess=False\nHTTP_PROXY=None\n\
        HTTP_AUTHORIZATION=None\n";
    assert_eq!(names, wanted);
    app.heard.until("ValueError: before").await;
    app.heard
        .until("testapp:app: its answer has 5 bytes, not the 9 of its Content-Length")
        .await;
    assert_eq!(got(&mut client, "/app/says").await.0, 200);
    app.heard.until(r"testapp:app: to the \x1b log").await;
    app.heard.until("testapp:app: printed").await;
    app.end().await;
}

#[tokio::test]
async fn bodies_are_read_as_the_application_likes() {
    let Some(app) = App::start(|_| {}).await else {
        return;
    };
    let mut client = app.client();
    let mut post =
        async |path: &str, body: Vec<u8>| soon(client.post(path, body)).await.text().into_owned();
    assert_eq!(post("/app/echo", b"hello".to_vec()).await, "hello");
    assert_eq!(post("/app/echo", Vec::new()).await, "");
    assert_eq!(post("/app/lines", b"a\nb\nc".to_vec()).await, "a\n|b\n|c|");
    // One that was not read is in nobody's way.
    assert_eq!(post("/app/deaf", vec![b'a'; 1 << 20]).await, "not a byte");
    assert_eq!(post("/app/count", vec![b'a'; 3_000_001]).await, "3000001");
    app.end().await;
}

#[tokio::test]
async fn a_large_body_streams() {
    const SIZE: usize = 100 << 20;
    let Some(app) = App::start(|_| {}).await else {
        return;
    };
    let site = Site::start(app.wsgi.clone()).await;
    let mut stream = TcpStream::connect(&site.at).await.unwrap();
    let head = "POST /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut block = format!("{:x}\r\n", 1 << 20).into_bytes();
    block.resize(block.len() + (1 << 20), b'a');
    block.extend(b"\r\n");
    for _ in 0..SIZE >> 20 {
        stream.write_all(&block).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.ends_with(&SIZE.to_string()), "{answer}");
    site.end().await;
    app.end().await;
}

#[tokio::test]
async fn a_generator_that_fails_breaks_its_answer_off() {
    let Some(app) = App::start(|_| {}).await else {
        return;
    };
    let site = Site::start(app.wsgi.clone()).await;
    let answer = site
        .ask("GET /half HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    // Or a 502, if that was seen before anything was sent.
    assert!(!answer.ends_with("0\r\n\r\n"), "{answer}");
    app.heard.until("ValueError: in the middle").await;
    // The same worker serves on.
    assert_eq!(got(&mut app.client(), "/app/hello").await.0, 200);
    site.end().await;
    app.end().await;
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_answer_and_no_worker() {
    let Some(app) = App::start(|_| {}).await else {
        return;
    };
    let site = Site::start(app.wsgi.clone()).await;
    let pid = got(&mut app.client(), "/app/pid").await.1;
    let mut stream = TcpStream::connect(&site.at).await.unwrap();
    stream
        .write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut some = [0; 5000];
    soon(stream.read_exact(&mut some)).await.unwrap();
    drop(stream);
    app.heard.until("testapp:app: closed").await;
    assert_eq!(got(&mut app.client(), "/app/pid").await.1, pid);
    site.end().await;
    app.end().await;
}

#[tokio::test]
async fn a_worker_that_dies_is_answered_for_and_another_is_started() {
    let Some(app) = App::start(|_| {}).await else {
        return;
    };
    let mut client = app.client();
    let pid = got(&mut client, "/app/pid").await.1;
    for (path, how) in [
        ("/app/die", "ended with SIGKILL"),
        ("/app/exit", "ended with status 3"),
    ] {
        let failed = (502, "the application failed\n".to_owned());
        assert_eq!(got(&mut client, path).await, failed);
        app.heard
            .until(&format!("testapp:app: {how}; another is started"))
            .await;
        // Requests wait for the next one.
        assert_eq!(got(&mut client, "/app/hello").await.0, 200);
    }
    assert_ne!(got(&mut client, "/app/pid").await.1, pid);
    app.end().await;
}

#[tokio::test]
async fn a_worker_that_is_late_is_ended() {
    let heard = Heard::default();
    let setup = heard
        .setup()
        .limits(|limits| limits.silence = Duration::from_secs(2));
    let Some(app) = App::with(&heard, &setup, |_| {}).await else {
        return;
    };
    let mut client = app.client();
    let late = (504, "the application took too long\n".to_owned());
    assert_eq!(got(&mut client, "/app/sleep").await, late);
    assert_eq!(got(&mut client, "/app/hello").await.0, 200);
    app.end().await;
}

#[tokio::test]
async fn workers_are_renewed_after_enough_requests() {
    let Some(app) = App::start(|options| options.requests = Some(3)).await else {
        return;
    };
    let mut client = app.client();
    let mut pids = Vec::new();
    for _ in 0..7 {
        pids.push(got(&mut client, "/app/pid").await.1);
    }
    pids.dedup();
    assert_eq!(pids.len(), 3, "{pids:?}");
    app.heard
        .until("it has served as many requests as it may")
        .await;
    gone(&pids[0]).await;
    app.end().await;
}

#[tokio::test]
async fn threads_of_one_worker_answer_at_once() {
    let Some(app) = App::start(|options| options.threads = 2).await else {
        return;
    };
    let site = Site::start(app.wsgi.clone()).await;
    let mut first = TcpStream::connect(&site.at).await.unwrap();
    first
        .write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut some = [0; 5000];
    soon(first.read_exact(&mut some)).await.unwrap();
    let answer = site.ask("GET /names HTTP/1.0\r\n\r\n").await;
    assert!(answer.contains("wsgi.multithread=True"), "{answer}");
    drop(first);
    site.end().await;
    app.end().await;
}

#[tokio::test]
async fn an_application_is_loaded_anew() {
    let Some(app) = App::start(|_| {}).await else {
        return;
    };
    let mut client = app.client();
    let pid = got(&mut client, "/app/pid").await.1;
    // What cannot be loaded changes nothing.
    app.folder.put("testapp.py", "syntax error", 0o644);
    app.wsgi.reload();
    app.heard.until("it is loaded anew, but the application `testapp:app` does not start: it ended with status 1").await;
    assert_eq!(got(&mut client, "/app/pid").await.1, pid);
    app.folder.put(
        "testapp.py",
        &APP.replace("Hello, world!", "Hello again"),
        0o644,
    );
    app.wsgi.reload();
    app.heard.until("takes its place").await;
    assert_eq!(got(&mut client, "/app/hello").await.1, "Hello again\n");
    gone(&pid).await;
    app.end().await;
}

#[tokio::test]
async fn changed_files_are_noticed() {
    let Some(app) = App::start(|options| options.reload = true).await else {
        return;
    };
    let mut client = app.client();
    assert_eq!(got(&mut client, "/app/hello").await.0, 200);
    app.folder.put(
        "testapp.py",
        &APP.replace("Hello, world!", "Hello again"),
        0o644,
    );
    app.heard.until("its files have changed").await;
    assert_eq!(got(&mut client, "/app/hello").await.1, "Hello again\n");
    app.end().await;
}

#[tokio::test]
async fn what_does_not_start_is_told() {
    let Some(_) = python3() else { return };
    let (folder, heard) = (Folder::new(), Heard::default());
    folder.put("broken.py", "raise RuntimeError('at start')", 0o644);
    for (name, said) in [
        ("broken:app", "broken:app: RuntimeError: at start"),
        (
            "absent",
            "absent: ModuleNotFoundError: No module named 'absent'",
        ),
        ("os:getcwd.x", "os:getcwd.x: AttributeError"),
    ] {
        let error = soon(Wsgi::start(name, options(&folder), &heard.setup()))
            .await
            .unwrap_err();
        let why = format!("the application `{name}` does not start: it ended with status 1");
        assert_eq!(error.why(), why);
        heard.until(said).await;
    }
    let mut options = options(&folder);
    options.python = "/nonexistent/python".into();
    let error = soon(Wsgi::start("a", options, &heard.setup()))
        .await
        .unwrap_err();
    assert_eq!(error.why(), "there is no program `/nonexistent/python`");
}

#[tokio::test]
async fn workers_end_with_the_server() {
    let Some(app) = App::start(|options| options.workers = 2).await else {
        return;
    };
    let mut client = app.client();
    let pid = got(&mut client, "/app/pid").await.1;
    soon(app.wsgi.stop()).await;
    gone(&pid).await;
    assert_eq!(
        got(&mut client, "/app/hello").await,
        (503, "the application does not run\n".into())
    );
}

/// The validator of the standard library around an application that uses all that there is.
const VALIDATED: &str = r#"
from wsgiref.validate import validator

def inner(environ, start_response):
    body = environ["wsgi.input"]
    first = body.readline(5)
    rest = list(body)
    environ["wsgi.errors"].write("heard\n")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%s %d" % (environ["REQUEST_METHOD"].encode(), len(first) + sum(map(len, rest)))]

app = validator(inner)
"#;

#[tokio::test]
async fn the_validator_of_python_has_nothing_to_object_to() {
    let Some(_) = python3() else { return };
    let (folder, heard) = (Folder::new(), Heard::default());
    folder.put("validated.py", VALIDATED, 0o644);
    let app = soon(Wsgi::start("validated", options(&folder), &heard.setup()))
        .await
        .unwrap();
    let site = Site::start(app.clone()).await;
    for (request, wanted) in [
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), "GET 0"),
        ("GET /a%20b?c HTTP/1.0\r\n\r\n".into(), "GET 0"),
        (
            "POST /x HTTP/1.0\r\nContent-Length: 8\r\n\r\nab\ncd\nef".into(),
            "POST 8",
        ),
    ] {
        let answer = site.ask(&request).await;
        assert!(answer.ends_with(wanted), "{answer} {:?}", heard.all());
    }
    let others = heard
        .all()
        .into_iter()
        .filter(|line| line != "validated: heard");
    assert_eq!(others.collect::<Vec<_>>(), Vec::<String>::new());
    site.end().await;
    soon(app.stop()).await;
}

const FLASK: &str = r#"
from flask import Flask, Response, request, session, stream_with_context

def create_app():
    app = Flask(__name__)
    app.secret_key = "only for tests"

    @app.post("/upload")
    def upload():
        file = request.files["file"]
        return "%s %d %s" % (file.filename, len(file.read()), request.form["note"])

    @app.get("/visits")
    def visits():
        session["n"] = session.get("n", 0) + 1
        return {"visits": session["n"], "root": request.script_root, "url": request.base_url}

    @app.get("/stream")
    def stream():
        return Response(stream_with_context("%d\n" % n for n in range(1000)), mimetype="text/plain")

    return app
"#;

#[tokio::test]
async fn flask_has_uploads_sessions_and_streams() {
    let (Some(python), Some(curl)) = (python_with(&["flask"]), peers::curl()) else {
        return;
    };
    let (folder, heard) = (Folder::new(), Heard::default());
    folder
        .put("shop.py", FLASK, 0o644)
        .put("sent", &"x".repeat(300_000), 0o644);
    let mut options = options(&folder);
    options.python = python.into();
    let app = soon(Wsgi::start("shop:create_app()", options, &heard.setup()))
        .await
        .unwrap();
    let site = async |_: Request| Response::error(404, "the site");
    let site = Site::start(Mounts::new(site).at("/shop", app.clone())).await;
    let at = folder.path().to_owned();
    let curl = |words: &[&str], path: &str| {
        let mut command = Command::new(&curl);
        command
            .current_dir(&at)
            .args(["-sS", "-b", "jar", "-c", "jar"])
            .args(words)
            .arg(site.url(path));
        run(command)
    };
    let sent = curl(
        &["-F", "file=@sent;filename=na\u{ef}ve.txt", "-F", "note=a b"],
        "/shop/upload",
    )
    .await;
    assert_eq!(
        sent.stdout_text(),
        "na\u{ef}ve.txt 300000 a b",
        "{:?}",
        heard.all()
    );
    for visit in 1..=2 {
        let text = curl(&[], "/shop/visits").await.stdout_text();
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        let wanted =
            serde_json::json!({"visits": visit, "root": "/shop", "url": site.url("/shop/visits")});
        assert_eq!(found, wanted);
    }
    let streamed = curl(&[], "/shop/stream").await.stdout_text();
    assert_eq!(
        streamed,
        (0..1000).map(|n| format!("{n}\n")).collect::<String>()
    );
    site.end().await;
    soon(app.stop()).await;
}

const DJANGO: &str = r#"
import sys
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

def upload(request):
    file = request.FILES["file"]
    return HttpResponse("%s %d" % (file.name, sum(len(chunk) for chunk in file.chunks())))

def visits(request):
    request.session["n"] = request.session.get("n", 0) + 1
    return JsonResponse({"visits": request.session["n"], "url": request.build_absolute_uri()})

def stream(request):
    return StreamingHttpResponse(("%d\n" % n for n in range(1000)), content_type="text/plain")

settings.configure(
    SECRET_KEY="only for tests" * 4, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware"],
    INSTALLED_APPS=["django.contrib.sessions"], SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
)
urlpatterns = [path("upload", upload), path("visits", visits), path("stream", stream)]
application = get_wsgi_application()
"#;

#[tokio::test]
async fn django_has_uploads_sessions_and_streams() {
    let (Some(python), Some(curl)) = (python_with(&["django"]), peers::curl()) else {
        return;
    };
    let (folder, heard) = (Folder::new(), Heard::default());
    folder
        .put("project.py", DJANGO, 0o644)
        .put("sent", &"x".repeat(3_000_000), 0o644);
    let mut options = options(&folder);
    options.python = python.into();
    let app = soon(Wsgi::start("project", options, &heard.setup()))
        .await
        .unwrap();
    let site = Site::start(app.clone()).await;
    let at = folder.path().to_owned();
    let curl = |words: &[&str], path: &str| {
        let mut command = Command::new(&curl);
        command
            .current_dir(&at)
            .args(["-sS", "-b", "jar", "-c", "jar"])
            .args(words)
            .arg(site.url(path));
        run(command)
    };
    let sent = curl(&["-F", "file=@sent"], "/upload").await;
    assert_eq!(sent.stdout_text(), "sent 3000000", "{:?}", heard.all());
    for visit in 1..=2 {
        let text = curl(&[], "/visits").await.stdout_text();
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            found,
            serde_json::json!({"visits": visit, "url": site.url("/visits")})
        );
    }
    let streamed = curl(&[], "/stream").await.stdout_text();
    assert_eq!(
        streamed,
        (0..1000).map(|n| format!("{n}\n")).collect::<String>()
    );
    site.end().await;
    soon(app.stop()).await;
}
