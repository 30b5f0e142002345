//! Stage II: streams and datagrams, many clients, somebody in the middle, and what else carries bytes.

use super::scene::{Broken, Scene};
use super::{Stage, Step};

pub(super) const STAGE: Stage = Stage {
    numeral: "II",
    title: "Networking fundamentals",
    about: "Bytes travel in two ways. A stream (TCP) is like a pipe between two programs: all bytes arrive, in order. \
            Datagrams (UDP) are like postcards: each stands for itself. Everything else is built on these two.",
    steps: &[
        Step {
            title: "A stream has no seams",
            before: "The client writes three times, and `>` shows each piece as it leaves. What does the server get?",
            play: |scene| Box::pin(no_seams(scene)),
            after: "One line. A stream keeps every byte and their order, but not where one write stopped and the next \
                    began; pieces may be joined or cut on the way. So whoever speaks over a stream has to agree on what \
                    ends a message: a line end here, an empty line and a length in HTTP.",
        },
        Step {
            title: "\"That was all\" is not \"goodbye\"",
            before: "The client has said all it wanted to say. It can tell the server so and still listen. You are \
                     the server here: `relay` keeps both directions apart, and `-` is your own terminal.",
            play: |scene| Box::pin(half_close(scene)),
            after: "A connection has two directions, and each ends on its own. `end sent` closed one of them: this is \
                    called half-close. The answer came back through the other. A server that counts, sorts or adds up \
                    needs it, for how else would it know that it has everything?",
        },
        Step {
            title: "A datagram is one whole message",
            before: "Now UDP. Each line typed leaves as one datagram. The second server answers with an empty one: a \
                     message of no bytes at all.",
            play: |scene| Box::pin(datagrams(scene)),
            after: "What was sent as one arrives as one or not at all, never joined, never cut; even the empty one \
                    arrives. There is no connection either: \"connected\" only means that we know whom to write to. \
                    Datagrams may get lost or overtake each other, and nobody repeats them. That makes them quick: names \
                    are looked up with them, and calls are carried by them.",
        },
        Step {
            title: "A datagram to nobody",
            before: "Nobody has to be there to be written to. The port is one whose server has just gone.",
            play: |scene| Box::pin(lost_datagram(scene)),
            after: "Connecting worked, for nothing was sent; only the datagram found nobody. Here the machine sent back a \
                    note (\"port unreachable\"). Do not count on it: across a network the note is often missing, and \
                    silence looks the same as a slow answer.",
        },
        Step {
            title: "One server, many clients",
            before: "A server has to serve several clients at the same time. This one passes on what each says to all \
                     the others: a chat.",
            play: |scene| Box::pin(many_clients(scene)),
            after: "All three share the server's endpoint, and it still tells them apart: a connection is named by both \
                    of its ends, and each client's is different. Nobody waits for anybody else.",
        },
        Step {
            title: "Somebody in the middle",
            before: "A relay is a server for the client and a client for the server. It carries the bytes both ways, and \
                     it can look at them.",
            play: |scene| Box::pin(middle(scene)),
            after: "`in` is the side that came to the relay, `out` the side it went to. Neither end noticed anything. \
                    Your bytes pass many such machines on their way; what is sent as it is can be read, and changed, by \
                    each of them.",
        },
        Step {
            title: "The same bytes under TLS",
            before: "TLS wraps a stream so that those in the middle see noise (ciphertext), and it checks who is at the \
                     other end by a certificate. The server made one for itself just now, so at first nobody trusts it. \
                     Its fingerprint, told by other means, is what we pin it to.",
            play: |scene| Box::pin(tls(scene)),
            after: "The first try ended with exit code 6: encrypted, but to whom? With `pin=` we know. `tcp` counts what \
                    crosses the network, `tls` shows what the two programs said. The first pieces are the handshake, in \
                    which both ends agree on a key that nobody who listens can work out.",
        },
        Step {
            title: "Anything that carries bytes is an endpoint",
            before: "A Unix socket is an endpoint with a file name instead of a host and a port, for programs on one \
                     machine. A program can be one too: its input and output are the two directions.",
            play: |scene| Box::pin(anything(scene)),
            after: "The server ran a program for its client, and the client of the second command was not a socket but \
                    a program, which connected in its turn. Streams fit together like pipes: once you can speak over one, \
                    you can speak over all.",
        },
        Step {
            title: "What a name means",
            before: "Programs look a name up in the files of this machine first and then ask name servers (DNS). The two may \
                     disagree, so both answers are worth seeing. These two names are special: no name server is asked.",
            play: |scene| Box::pin(names(scene)),
            after: "`localhost` is this machine by rule. A name that nobody knows is exit code 3, here as with every \
                    command. With a name of the real world, `sockeye resolve` shows what each side answers, whom it \
                    asked, how long that took, and which rule makes them differ.",
        },
    ],
};

async fn no_seams(scene: &mut Scene) -> Result<(), Broken> {
    let server = scene.serve("the server", "sockeye listen 0 --once").await?;
    let command = format!("sockeye connect {} --wire", server.address());
    let client = scene
        .start_piecewise("the client", &["One, ", "two, ", "three.\n"], &command)
        .await?;
    scene.writes(server.actor, "One, two, three.").await?;
    scene.ends_input(server.actor);
    let client = scene.ends(client).await?;
    client.exited(0)?;
    for piece in ["> One, ", "> two, ", "> three.\\n"] {
        client.said(piece)?;
    }
    scene.ends(server.actor).await?.wrote("One, two, three.\n")
}

async fn half_close(scene: &mut Scene) -> Result<(), Broken> {
    let server = scene
        .serve("the server", "sockeye relay 127.0.0.1:0 - --wire")
        .await?;
    let command = format!("sockeye connect {} --wire", server.address());
    let client = scene.start("the client", &command)?;
    scene.says(client, " from 127.0.0.1:").await?;
    scene.types(client, "That was all.").await?;
    scene.ends_input(client);
    scene.says(client, "* end sent").await?;
    scene.says(server.actor, "in * end received").await?;
    scene.writes(server.actor, "That was all.").await?;
    scene.types(server.actor, "I have heard it all.").await?;
    scene.ends_input(server.actor);
    let client = scene.ends(client).await?;
    client.exited(0)?;
    client.wrote("I have heard it all.\n")
}

async fn datagrams(scene: &mut Scene) -> Result<(), Broken> {
    let server = scene
        .serve(
            "the server",
            "sockeye listen udp://127.0.0.1:0 --echo --wire",
        )
        .await?;
    let command = format!(
        "sockeye connect {} --wire --until until-either",
        server.endpoint
    );
    let client = scene.start("the client", &command)?;
    scene.says(client, " from 127.0.0.1:").await?;
    for line in ["one", "two"] {
        scene.types(client, line).await?;
        scene.says(client, &format!("< {line}\\n")).await?;
        scene.writes(client, line).await?;
        scene.says(server.actor, &format!("> {line}\\n")).await?;
    }
    let client = scene.leaves(client).await?;
    client.exited(0)?;
    client.wrote("one\ntwo\n")?;

    scene.file("another server", "empty", "")?;
    let server = scene
        .serve(
            "another server",
            "sockeye listen udp://127.0.0.1:0 --reply empty",
        )
        .await?;
    let command = format!(
        "sockeye connect {} --wire --until until-either",
        server.endpoint
    );
    let client = scene.start("another client", &command)?;
    scene.says(client, " from 127.0.0.1:").await?;
    scene.types(client, "Say nothing.").await?;
    scene.says(client, "< (empty message)").await?;
    let client = scene.leaves(client).await?;
    client.exited(0)?;
    client.wrote("")
}

async fn lost_datagram(scene: &mut Scene) -> Result<(), Broken> {
    let server = scene
        .serve("the server", "sockeye listen udp://127.0.0.1:0 --discard")
        .await?;
    scene.interrupts(server.actor).await?;
    let command = format!(
        "sockeye connect {} --wire --until until-either",
        server.endpoint
    );
    let client = scene.start("the client", &command)?;
    scene.says(client, " from 127.0.0.1:").await?;
    scene.types(client, "Is anybody there?").await?;
    scene.says(client, "nobody listens at udp://").await?;
    let client = scene.leaves(client).await?;
    scene.shows_code("the client", &client);
    client.exited(4)
}

async fn many_clients(scene: &mut Scene) -> Result<(), Broken> {
    const NAMES: [&str; 3] = ["Ann", "Ben", "Cleo"];
    let server = scene
        .serve("the server", "sockeye listen 127.0.0.1:0 --broker -v")
        .await?;
    let command = format!("sockeye connect {}", server.address());
    let mut clients = Vec::new();
    for (index, name) in NAMES.into_iter().enumerate() {
        let client = scene.start(name, &command)?;
        scene
            .says(server.actor, &format!("#{} connected", index + 1))
            .await?;
        clients.push(client);
    }
    for (speaker, name) in NAMES.into_iter().enumerate() {
        let line = format!("{name} is here");
        scene.types(clients[speaker], &line).await?;
        for (listener, client) in clients.iter().enumerate() {
            if listener != speaker {
                scene.writes(*client, &line).await?;
            }
        }
    }
    Ok(())
}

async fn middle(scene: &mut Scene) -> Result<(), Broken> {
    let server = scene
        .serve("the server", "sockeye listen 127.0.0.1:0 --echo")
        .await?;
    let command = format!("sockeye relay 127.0.0.1:0 {} --wire", server.address());
    let relay = scene.serve("the relay", &command).await?;
    let command = format!("sockeye connect {}", relay.address());
    let client = scene.pipe("the client", r"my secret\n", &command).await?;
    client.exited(0)?;
    client.wrote("my secret\n")?;
    scene.says(relay.actor, r"#1 in < my secret\n").await?;
    scene.says(relay.actor, r"#1 out < my secret\n").await?;
    scene.says(relay.actor, "#1 out * closed").await
}

async fn tls(scene: &mut Scene) -> Result<(), Broken> {
    let server = scene
        .serve("the server", "sockeye listen tls://127.0.0.1:0 --echo")
        .await?;
    scene
        .says(server.actor, "certificate made on the fly, pin=sha256:")
        .await?;
    let pin = scene.said_after(server.actor, "pin=");
    let command = format!("sockeye connect {}", server.endpoint);
    let refused = scene.run("the client", &command).await?;
    refused.said("self-signed")?;
    scene.shows_code("the client", &refused);
    refused.exited(6)?;
    let command = format!("sockeye connect '{}?pin={pin}' --wire", server.endpoint);
    let client = scene.pipe("the client", r"my secret\n", &command).await?;
    client.exited(0)?;
    client.said("bytes of ciphertext")?;
    client.said(r"tls > my secret\n")?;
    client.did_not_say(r"tcp > my secret")?;
    client.wrote("my secret\n")
}

async fn anything(scene: &mut Scene) -> Result<(), Broken> {
    let version = format!("sockeye {}\n", env!("CARGO_PKG_VERSION"));
    scene
        .serve(
            "the server",
            "sockeye listen unix:here.sock --exec 'sockeye --version'",
        )
        .await?;
    let client = scene
        .run("the client", "sockeye connect unix:here.sock")
        .await?;
    client.exited(0)?;
    client.wrote(&version)?;
    let client = scene
        .run(
            "the client",
            "sockeye connect 'exec:sockeye connect unix:here.sock' --wire",
        )
        .await?;
    client.exited(0)?;
    client.said(&format!("< {}\\n", version.trim_end()))?;
    client.wrote(&version)
}

async fn names(scene: &mut Scene) -> Result<(), Broken> {
    let known = scene.run("anybody", "sockeye resolve localhost").await?;
    known.exited(0)?;
    known.wrote_line(&["programs here get", "127.0.0.1"])?;
    let unknown = scene
        .run("anybody", "sockeye resolve nobody.invalid")
        .await?;
    unknown.wrote_line(&["programs here get", "nothing"])?;
    scene.shows_code("anybody", &unknown);
    unknown.exited(3)
}
