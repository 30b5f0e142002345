//! Stage VI: programs that work together: calls, messages, and work shared out.

use super::scene::{Broken, Scene};
use super::{Stage, Step};

pub(super) const STAGE: Stage = Stage {
    numeral: "VI",
    title: "Together",
    about: "Programs call each other, exchange messages and share out work. Python has xmlrpc, multiprocessing and socketserver for \
            that; here it is `rpc`, `connect`, `map` and `worker`.",
    steps: &[
        Step {
            title: "A call over the network",
            before: "A program becomes a method that others can call: here `wc`, which gets its arguments on standard input.",
            play: |scene| Box::pin(call(scene)),
            after: "A name, parameters, and one answer with the same id: that is all JSON-RPC 2.0 is, and HTTP carries it.",
        },
        Step {
            title: "The answer is no",
            before: "A method that nobody has, and one that fails.",
            play: |scene| Box::pin(fault(scene)),
            after: "A fault is an answer: it has a number and a sentence, and the exit code is 1. A server that is not there would be 4.",
        },
        Step {
            title: "The same in XML, as Python speaks it",
            before: "Python's `xmlrpc.client` and `xmlrpc.server` are older, and still about. The same server answers them.",
            play: |scene| Box::pin(xml(scene)),
            after: "Here each value bears its type. `rpc list` asks the server what it can do: that is called introspection.",
        },
        Step {
            title: "Messages between processes",
            before: "Python's `multiprocessing.connection` sends whole values, and both ends prove that they know the same key.",
            play: |scene| Box::pin(messages(scene)),
            after: "A Python `Client(address, authkey=b'secret')` could stand at either end. Its pickles can run code when they are read; \
                    here those that would are refused.",
        },
        Step {
            title: "One job for each line",
            before: "Work that falls into pieces is shared out: one job for each line, several at once.",
            play: |scene| Box::pin(jobs(scene)),
            after: "The slowest was first in the input, and its result is first in the output. Words are never split and no shell is asked, so \
                    a name with blanks or a semicolon is just a name.",
        },
        Step {
            title: "What fails is tried again",
            before: "Networks fail, and then work again. This job fails the first time it is tried.",
            play: |scene| Box::pin(again(scene)),
            after: "Only the result of the last attempt is shown. Between attempts it waits longer and longer.",
        },
        Step {
            title: "Whoever is stopped goes on",
            before: "A journal keeps what is done. The second time, a line has been put in front.",
            play: |scene| Box::pin(resumed(scene)),
            after: "Only the new line was run: `log` says so. What was done is known by what it was, not by its place.",
        },
        Step {
            title: "Many connections without a program each",
            before: "Which of these ports answer? A probe runs in the process itself; thousands take no time.",
            play: |scene| Box::pin(probes(scene)),
            after: "With `--engine nats://...` the same lines are shared out to `sockeye worker` on any number of machines, results in order \
                    all the same.",
        },
    ],
};

async fn call(scene: &mut Scene) -> Result<(), Broken> {
    let server = scene
        .serve_web("the server", "sockeye rpc serve 0 --exec count='wc -c'")
        .await?;
    let command = format!("sockeye rpc call {} count hello --wire", server.endpoint);
    let client = scene.run("the client", &command).await?;
    client.exited(0)?;
    client.said(r#""method":"count""#)?;
    client.wrote("10\n")
}

async fn fault(scene: &mut Scene) -> Result<(), Broken> {
    let server = scene
        .serve_web("the server", "sockeye rpc serve 0 --exec fail=false")
        .await?;
    let command = format!("sockeye rpc call {} nosuch", server.endpoint);
    let client = scene.run("the client", &command).await?;
    client.exited(1)?;
    client.said("Method not found")?;
    scene.shows_code("the client", &client);
    Ok(())
}

async fn xml(scene: &mut Scene) -> Result<(), Broken> {
    let server = scene
        .serve_web(
            "the server",
            "sockeye rpc serve 0 --exec count='wc -c' --help-text count='bytes of what it is given'",
        )
        .await?;
    let command = format!(
        "sockeye rpc call xmlrpc+{} count hello --wire",
        server.endpoint
    );
    let client = scene.run("the client", &command).await?;
    client.exited(0)?;
    client.said("<methodName>count</methodName>")?;
    client.wrote("10\n")?;
    let command = format!("sockeye rpc list xmlrpc+{}", server.endpoint);
    let list = scene.run("the client", &command).await?;
    list.exited(0)?;
    list.contains("bytes of what it is given")
}

async fn messages(scene: &mut Scene) -> Result<(), Broken> {
    let command = "sockeye listen 'python+tcp://127.0.0.1:0?authkey=secret' --echo";
    let server = scene.serve("the server", command).await?;
    // The server does not say its key.
    let (address, _) = server
        .endpoint
        .split_once('?')
        .unwrap_or((&server.endpoint, ""));
    let command = format!("sockeye connect '{address}?authkey=secret' --wire");
    let client = scene
        .pipe("the client", r#"{"n": [1, 2.5, null]}"#, &command)
        .await?;
    client.exited(0)?;
    client.wrote("{\"n\":[1,2.5,null]}\n")?;
    client.said("agreed on HMAC-SHA256")
}

async fn jobs(scene: &mut Scene) -> Result<(), Broken> {
    scene.file("you", "names", "slow\na b\n;quick\n")?;
    const GREET: &str = "case $1 in\n  slow) until [ -e done ]; do :; done ;;\n  *quick) touch done ;;\nesac\necho \"hello $1\"\n";
    scene.file("you", "greet.sh", GREET)?;
    let all = scene
        .run("you", "sockeye map -a names -j 3 -- sh greet.sh {}")
        .await?;
    all.exited(0)?;
    all.wrote("hello slow\nhello a b\nhello ;quick\n")
}

async fn again(scene: &mut Scene) -> Result<(), Broken> {
    scene.file(
        "you",
        "flaky.sh",
        "test -e tried && echo done with $1 && exit\ntouch tried\nexit 1\n",
    )?;
    let command = "sockeye map --retries 2 --retry-wait 10ms -v -- sh flaky.sh";
    let job = scene.pipe("you", "this\\n", command).await?;
    job.exited(0)?;
    job.wrote("done with this\n")
}

async fn resumed(scene: &mut Scene) -> Result<(), Broken> {
    scene.file("you", "log.sh", "echo $1 >> log\necho did $1\n")?;
    let command = "sockeye map -j 1 --journal done.db -- sh log.sh {}";
    let first = scene.pipe("you", "b\\nc\\n", command).await?;
    first.exited(0)?;
    let second = scene.pipe("you", "a\\nb\\nc\\n", command).await?;
    second.exited(0)?;
    second.wrote("did a\ndid b\ndid c\n")?;
    scene.finds("you", "log", "b\nc\na\n")
}

async fn probes(scene: &mut Scene) -> Result<(), Broken> {
    let server = scene.serve("the server", "sockeye listen 0 --echo").await?;
    let ports = format!("{}\\ntcp://127.0.0.1:9\\n", server.endpoint);
    let probe = scene.pipe("you", &ports, "sockeye map @connect").await?;
    probe.exited(1)?;
    probe.contains(&server.endpoint)?;
    scene.shows_code("you", &probe);
    Ok(())
}
