//! Stage I: two programs, two endpoints, a question and its answer.

use super::scene::{Broken, Scene};
use super::{Stage, Step};

pub(super) const STAGE: Stage = Stage {
    numeral: "I",
    title: "Introduction",
    about: "The problem is simple: two computers want to exchange bits. Three things make it work: each end runs a \
            program; the server waits; the client connects to it. Here both ends are this one machine, which talks to \
            itself over \"loopback\", a network inside the machine. Nothing leaves it.",
    steps: &[
        Step {
            title: "Two programs exchange bits",
            before: "One program listens, the other connects. Then each says something to the other, and what one \
                     types appears at the other end.",
            play: |scene| Box::pin(two_programs(scene)),
            after: "`>` is what went out, `<` what came in, `*` what happened; the number in front is the time in \
                    seconds, and #1 the first connection. `\\n` is the byte that ends a line: it is sent like any other. \
                    This way of talking is a TCP connection: bytes both ways, until both ends have finished.",
        },
        Step {
            title: "An endpoint is a host and a port",
            before: "The host says which machine, the port (a number up to 65535) which program on it. People prefer \
                     names: watch `localhost`, the name of this machine, become addresses, which are tried until one \
                     answers.",
            play: |scene| Box::pin(endpoint(scene)),
            after: "`::1` is this machine in IPv6, `127.0.0.1` in IPv4, the two ways of writing addresses. They race, and \
                    the first that answers wins. The client has a port too, behind `from`: the system chose it.",
        },
        Step {
            title: "Well-known services have their ports",
            before: "How does a client know the port? For common services it was agreed on long ago, and the numbers are \
                     kept in a registry.",
            play: |scene| Box::pin(well_known(scene)),
            after: "So `https` can be written wherever 443 can: a name for a number, nothing more. Nobody has to keep to \
                    it, and a name says nothing about who really listens there. The next step asks that.",
        },
        Step {
            title: "Who talks to whom",
            before: "Elsewhere `netstat -a` lists the sockets of a machine. Here: a server with one client, and everything \
                     that has to do with the server's port.",
            play: |scene| Box::pin(whose(scene)),
            after: "The listening socket waits at its endpoint for whoever comes. The connection is there twice, for both \
                    of its ends are on this machine: what is local to one is the peer of the other. The server has not \
                    become busy: it holds one more socket, next to the one that listens. `--pairs` puts both ends into \
                    one row.",
        },
        Step {
            title: "Nobody there",
            before: "The server has gone. Its port is still a number, but no program waits behind it. The shell shows \
                     how the last command ended with `echo $?`.",
            play: |scene| Box::pin(nobody(scene)),
            after: "\"Refused\" is an answer: the machine is there and says that nobody listens on this port. It comes at \
                    once, while a machine that is not there says nothing at all. Exit code 4 always means: no connection. \
                    And a port's name has to be one that somebody knows; that is exit code 2.",
        },
        Step {
            title: "Request and response",
            before: "Most programs on a network talk in turns: the client asks, the server answers. This is how the web \
                     began. The server here knows one answer, which lies in a file; the request is typed by hand.",
            play: |scene| Box::pin(request(scene)),
            after: "The request: what to do (GET), with what (/index.html), in which version of the language \
                    (HTTP/1.0). An empty line ends it; lines end with the two bytes \\r\\n.\n\
                    The response: first a status (200 means: here it is), then headers, which describe what follows (its \
                    type, its length in bytes), an empty line, and the page itself. A browser does nothing else.",
        },
    ],
};

async fn two_programs(scene: &mut Scene) -> Result<(), Broken> {
    let server = scene
        .serve("one terminal: the server", "sockeye listen 0 --once")
        .await?;
    let command = format!("sockeye connect {} --wire", server.address());
    let client = scene.start("another terminal: the client", &command)?;
    scene.says(client, " from 127.0.0.1:").await?;
    scene.types(client, "Hello World").await?;
    scene.says(client, "> Hello World\\n").await?;
    scene.writes(server.actor, "Hello World").await?;
    scene.types(server.actor, "Hello Yourself").await?;
    scene.says(client, "< Hello Yourself\\n").await?;
    scene.writes(client, "Hello Yourself").await?;
    scene.types(server.actor, "Goodbye").await?;
    scene.says(client, "< Goodbye\\n").await?;
    scene.writes(client, "Goodbye").await?;
    scene.ends_input(server.actor);
    scene.says(client, "* end received").await?;
    let client = scene.ends(client).await?;
    client.exited(0)?;
    client.wrote("Hello Yourself\nGoodbye\n")?;
    scene.ends(server.actor).await?.exited(0)
}

async fn endpoint(scene: &mut Scene) -> Result<(), Broken> {
    let server = scene.serve("the server", "sockeye listen 0 --echo").await?;
    let command = format!(
        "sockeye connect localhost:{} -v --zero --wire",
        server.port()
    );
    let client = scene
        .run(
            "the client (--zero: only see whether somebody answers)",
            &command,
        )
        .await?;
    client.exited(0)?;
    client.said("* resolved localhost to ")?;
    client.said(&format!("127.0.0.1:{}", server.port()))?;
    client.said("* connected tcp://")
}

async fn well_known(scene: &mut Scene) -> Result<(), Broken> {
    let command = "sockeye ports ftp ssh telnet http https --protocol tcp";
    let listed = scene.run("anybody", command).await?;
    listed.exited(0)?;
    for (port, name) in [
        ("21", "ftp"),
        ("22", "ssh"),
        ("23", "telnet"),
        ("80", "http"),
        ("443", "https"),
    ] {
        listed.wrote_line(&[&format!("{port}/tcp"), name])?;
    }
    Ok(())
}

async fn whose(scene: &mut Scene) -> Result<(), Broken> {
    let server = scene
        .serve("the server", "sockeye listen 127.0.0.1:0 --echo")
        .await?;
    let address = server.address().to_owned();
    let client = scene.start("the client", &format!("sockeye connect {address}"))?;
    scene.types(client, "Hello World").await?;
    scene.writes(client, "Hello World").await?;
    let command = format!("sockeye sockets --tcp --port {}", server.port());
    let listed = scene.run("anybody", &command).await?;
    listed.exited(0)?;
    listed.wrote_line(&["listening", &address, "sockeye"])?;
    listed.wrote_line(&["established", &address, "sockeye"])?;
    let paired = scene.run("anybody", &format!("{command} --pairs")).await?;
    paired.exited(0)?;
    paired.wrote_line(&["established", &address, "⇄"])?;
    scene.leaves(client).await?.exited(0)
}

async fn nobody(scene: &mut Scene) -> Result<(), Broken> {
    let server = scene
        .serve("the server", "sockeye listen 127.0.0.1:0 --once")
        .await?;
    let command = format!("sockeye connect {} --zero", server.address());
    scene.run("the client", &command).await?.exited(0)?;
    scene.ends(server.actor).await?;
    let refused = scene.run("the client", &command).await?;
    refused.said("nobody listens there (connection refused)")?;
    scene.shows_code("the client", &refused);
    refused.exited(4)?;
    let misspelt = scene
        .run("the client", "sockeye connect localhost:htpp")
        .await?;
    misspelt.said("htpp")?;
    scene.shows_code("the client", &misspelt);
    misspelt.exited(2)
}

async fn request(scene: &mut Scene) -> Result<(), Broken> {
    const RESPONSE: &str = "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nContent-Length: 22\r\n\r\n<h1>Hello World</h1>\r\n";
    scene.file("the server", "index.http", RESPONSE)?;
    let server = scene
        .serve("the server", "sockeye listen 0 --reply index.http")
        .await?;
    let command = format!("sockeye connect {} --wire", server.address());
    let client = scene
        .pipe("the client", r"GET /index.html HTTP/1.0\r\n\r\n", &command)
        .await?;
    client.exited(0)?;
    client.said(r"> GET /index.html HTTP/1.0\r\n")?;
    client.said(r"< HTTP/1.0 200 OK\r\n")?;
    client.wrote(RESPONSE)
}
