//! Stage V: the other end of the web: files, conditions, programs and strangers, as the server sees them.

use super::scene::{Broken, Scene, Server};
use super::{Stage, Step};

pub(super) const STAGE: Stage = Stage {
    numeral: "V",
    title: "Web programming",
    about: "A web server answers strangers: with files, and with what programs make up as they are asked. `serve` does both, and \
            says why it answers as it does.",
    steps: &[
        Step {
            title: "A folder becomes a web server",
            before: "In Python: `python -m http.server`. The client shows the head of the answer, too (`-i`).",
            play: |scene| Box::pin(folder(scene)),
            after: "The server took the page for the folder and told the client what it is (`Content-Type`), how long it is \
                    and how to recognise it later (`ETag`). Each request is a line in its log. Only this machine can reach it, \
                    unless you say otherwise: `--listen :8000`.",
        },
        Step {
            title: "Only if it has changed",
            before: "A client that keeps a copy need not fetch it again: it asks with the tag of what it has.",
            play: |scene| Box::pin(condition(scene)),
            after: "304 is an answer without a body: what you have is still good. The tag changes when the file does, so \
                    nobody sees an old page, and nobody fetches the same one twice.",
        },
        Step {
            title: "A piece of it",
            before: "A download that broke off goes on where it ended; a film is watched from the middle. The client asks \
                     for the first five bytes.",
            play: |scene| Box::pin(piece(scene)),
            after: "206 says that this is a part, and `Content-Range` which one of how many bytes. With `If-Range` the client \
                    gets the whole instead, should the file be another one by now.",
        },
        Step {
            title: "Why this answer?",
            before: "Which file, which rule, which header? `--explain` asks the server's own rules and serves nobody.",
            play: |scene| Box::pin(explained(scene)),
            after: "The same code decides and explains, so the explanation cannot be wrong. With `--explain-header` the question \
                    is another one: 'Accept-Encoding: br', say.",
        },
        Step {
            title: "A program answers",
            before: "The oldest way to program the web: for each request the server starts a program, which reads the body of the \
                     request and writes the answer. Here it is `wc -w`, which counts words.",
            play: |scene| Box::pin(program(scene)),
            after: "Nothing of `wc` knows of the web. What the request was stands in variables of its environment (CGI, RFC 3875), \
                    and what it must not see is kept from it. Programs in Python stay alive between requests: `--wsgi app`.",
        },
        Step {
            title: "A file is put there",
            before: "The other way round: the client gives the server a file. That has to be allowed (`--upload`); who may do it \
                     can be said, too.",
            play: |scene| Box::pin(upload(scene)),
            after: "201 says that it was made. The file has its name only when all of it is there: a client that goes away in \
                    the middle leaves nothing that looks whole. A second one of the same name is refused, unless you say otherwise.",
        },
        Step {
            title: "One request or two?",
            before: "This client says how long its body is, twice, and differently. A server in front would see one \
                     request, the one behind it two: the second is smuggled in.",
            play: |scene| Box::pin(smuggled(scene)),
            after: "One answer, and the connection is closed: what can be read in two ways is not read at all (RFC 9112). Had the \
                    server guessed, somebody else's request could have got this client's answer.",
        },
    ],
};

const PAGE: &str = "<h1>Hello World</h1>\n";

/// A folder with one page, and a server for it.
async fn serve(scene: &mut Scene, flags: &str) -> Result<Server, Broken> {
    scene.folder("site")?;
    scene.file("the server", "site/index.html", PAGE)?;
    let command = format!("sockeye serve site --port 0{flags}");
    scene.serve_web("the server", &command).await
}

async fn folder(scene: &mut Scene) -> Result<(), Broken> {
    let server = serve(scene, "").await?;
    let command = format!("sockeye fetch -i http://{}/", server.address());
    let client = scene.run("the client", &command).await?;
    client.exited(0)?;
    client.wrote_line(&["HTTP/1.1 200 OK"])?;
    client.wrote_line(&["Content-Type: text/html; charset=utf-8"])?;
    client.wrote_line(&["Content-Length: 21"])?;
    client.wrote_line(&["ETag: "])?;
    client.wrote_line(&["<h1>Hello World</h1>"])?;
    scene.says(server.actor, " GET / 200 21 B ").await
}

async fn condition(scene: &mut Scene) -> Result<(), Broken> {
    let server = serve(scene, "").await?;
    let url = format!("http://{}/", server.address());
    let first = format!("sockeye fetch --etag-save tag {url}");
    scene.run("the client", &first).await?.exited(0)?;
    let second = format!("sockeye fetch -i --etag-compare tag {url}");
    let client = scene.run("the client", &second).await?;
    client.exited(0)?;
    client.wrote_line(&["HTTP/1.1 304 Not Modified"])?;
    scene.says(server.actor, " GET / 304 ").await
}

async fn piece(scene: &mut Scene) -> Result<(), Broken> {
    let server = serve(scene, "").await?;
    let url = format!("http://{}/", server.address());
    let client = scene
        .run("the client", &format!("sockeye fetch -i -r 0-4 {url}"))
        .await?;
    client.exited(0)?;
    client.wrote_line(&["HTTP/1.1 206 Partial Content"])?;
    client.wrote_line(&["Content-Range: bytes 0-4/21"])?;
    client.wrote_line(&["<h1>H"])
}

async fn explained(scene: &mut Scene) -> Result<(), Broken> {
    scene.folder("site")?;
    scene.file("the server", "site/index.html", PAGE)?;
    let asked = scene
        .run("the server", "sockeye serve site --explain /")
        .await?;
    asked.exited(0)?;
    asked.wrote_line(&["index.html"])?;
    asked.wrote_line(&["200 OK"])?;
    asked.wrote_line(&["Content-Type: text/html; charset=utf-8"])
}

async fn program(scene: &mut Scene) -> Result<(), Broken> {
    scene.folder("site")?;
    let command = "sockeye serve site --port 0 --exec '/words=wc -w'";
    let server = scene.serve_web("the server", command).await?;
    let command = format!(
        "sockeye fetch -d 'Hello big wide World' http://{}/words",
        server.address()
    );
    let client = scene.run("the client", &command).await?;
    client.exited(0)?;
    client.wrote("4\n")?;
    scene.says(server.actor, " POST /words 200 2 B ").await
}

async fn upload(scene: &mut Scene) -> Result<(), Broken> {
    scene.folder("site")?;
    let command = "sockeye serve site --port 0 --upload";
    let server = scene.serve_web("the server", command).await?;
    scene.file("the client", "note.txt", "Goodbye World\n")?;
    let command = format!(
        "sockeye fetch -i -T note.txt http://{}/note.txt",
        server.address()
    );
    let client = scene.run("the client", &command).await?;
    client.exited(0)?;
    client.wrote_line(&["HTTP/1.1 201 Created"])?;
    scene.says(server.actor, " PUT /note.txt 201 ").await?;
    let command = format!("sockeye fetch http://{}/note.txt", server.address());
    let other = scene.run("another client", &command).await?;
    other.exited(0)?;
    other.wrote("Goodbye World\n")
}

async fn smuggled(scene: &mut Scene) -> Result<(), Broken> {
    let server = serve(scene, "").await?;
    let request = r"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 35\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /mine HTTP/1.1\r\nHost: here\r\n\r\n";
    let command = format!("sockeye connect {}", server.address());
    let client = scene.pipe("the client", request, &command).await?;
    client.exited(0)?;
    client.wrote_line(&["HTTP/1.1 400 Bad Request"])?;
    client.wrote_line(&["Connection: close"])?;
    match client.data.matches("HTTP/1.1 ").count() {
        1 => {}
        answers => {
            return Err(Broken {
                expected: "one answer".into(),
                seen: format!("{answers} answers"),
            });
        }
    }
    scene.says(server.actor, " 400 ").await
}
