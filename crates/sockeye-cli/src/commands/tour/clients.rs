//! Stage III: programs that ask for one: the web's client, watched at its work.

use super::scene::{Broken, Scene};
use super::{Stage, Step};

pub(super) const STAGE: Stage = Stage {
    numeral: "III",
    title: "Clients",
    about: "A client knows the language of its servers, so that nobody has to type requests by hand. Libraries have clients, \
            too (Python has urllib); `fetch` is one for the shell, which does not hide what it does.",
    steps: &[
        Step {
            title: "One line gets a page",
            before: "In Python: `u = urllib.request.urlopen(\"http://www.python.org/index.html\"); data = u.read()`. Here the \
                     server is the one of the first stage, with its one answer.",
            play: |scene| Box::pin(one_line(scene)),
            after: "The client looked up the name, connected, wrote the request, read status and headers, and gave out the page \
                    and nothing else. So its output can be put into a file or a pipe.",
        },
        Step {
            title: "What the client really says",
            before: "`--wire` shows every byte of it, as it did before. What a client says by itself can be taken back or \
                     changed: here it speaks the older HTTP/1.0.",
            play: |scene| Box::pin(bytes(scene)),
            after: "The first lines are the request: what, where, who asks, what would be welcome. It is what you typed by hand in \
                    the first stage, and a little more. Most servers want `Host`, for several sites may live at one address.",
        },
        Step {
            title: "A redirect, and where the time goes",
            before: "A server may answer: look over there. The status then begins with 3, and `Location` says where. \
                     `--timing` draws what took how long.",
            play: |scene| Box::pin(redirect(scene)),
            after: "Two requests became one command. Each bar stands on the same scale: names, each address that was tried, sending, \
                    waiting for the server, receiving. When something is slow, this shows whom to blame: the name servers, the \
                    way, or the server.",
        },
        Step {
            title: "A form is posted",
            before: "What people fill in is sent to the server in the body of a request: names and values. The \
                     method is then POST. The server shows what came.",
            play: |scene| Box::pin(form(scene)),
            after: "Between the empty line and the end stands the body. `Content-Type` says how it is written and `Content-Length` \
                    how long it is: a stream has no seams, so the server could not know otherwise. Blanks and letters that \
                    could be mistaken are written as % and their number.",
        },
    ],
};

const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 21\r\n\r\n<h1>Hello World</h1>\n";

async fn one_line(scene: &mut Scene) -> Result<(), Broken> {
    scene.file("the server", "index.http", PAGE)?;
    let server = scene
        .serve("the server", "sockeye listen 0 --reply index.http")
        .await?;
    let command = format!(
        "sockeye fetch http://localhost:{}/index.html",
        server.port()
    );
    let client = scene.run("the client", &command).await?;
    client.exited(0)?;
    client.wrote("<h1>Hello World</h1>\n")
}

async fn bytes(scene: &mut Scene) -> Result<(), Broken> {
    scene.lay("index.http", PAGE)?;
    let server = scene
        .serve("the server", "sockeye listen 0 --reply index.http")
        .await?;
    let address = server.address();
    let command = format!("sockeye fetch --http1.0 --wire http://{address}/index.html");
    let client = scene.run("the client", &command).await?;
    client.exited(0)?;
    client.said(r"> GET /index.html HTTP/1.0\r\n")?;
    client.said(&format!(r"Host: {address}\r\n"))?;
    client.said(r"< HTTP/1.1 200 OK\r\n")?;
    client.wrote("<h1>Hello World</h1>\n")
}

async fn redirect(scene: &mut Scene) -> Result<(), Broken> {
    scene.lay("index.http", PAGE)?;
    let server = scene
        .serve("the server", "sockeye listen 0 --reply index.http")
        .await?;
    let there = format!("http://{}/index.html", server.address());
    let moved = format!("HTTP/1.1 302 Found\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n");
    scene.file("another server", "moved.http", &moved)?;
    let other = scene
        .serve("another server", "sockeye listen 0 --reply moved.http")
        .await?;
    let command = format!("sockeye fetch --timing http://localhost:{}/", other.port());
    let client = scene.run("the client", &command).await?;
    client.exited(0)?;
    client.said("→ 302 Found")?;
    client.said(&format!("GET {there} → 200 OK"))?;
    client.said(": 2 requests, 2 new connections")?;
    client.wrote("<h1>Hello World</h1>\n")
}

async fn form(scene: &mut Scene) -> Result<(), Broken> {
    const THANKS: &str = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nThanks\n";
    scene.lay("thanks.http", THANKS)?;
    let server = scene
        .serve("the server", "sockeye listen 0 --reply thanks.http --wire")
        .await?;
    let command = format!(
        "sockeye fetch --form http://{}/guests 'name=Ann & Ben' from=here",
        server.address()
    );
    let client = scene.run("the client", &command).await?;
    client.exited(0)?;
    client.wrote("Thanks\n")?;
    scene
        .says(server.actor, r"< POST /guests HTTP/1.1\r\n")
        .await?;
    scene.says(server.actor, "name=Ann+%26+Ben&from=here").await
}
