//! Stage IV: what comes off the wire is data: rows, trees, pages and codes, each read for what it is.

use super::scene::{Broken, Scene};
use super::{Stage, Step};

pub(super) const STAGE: Stage = Stage {
    numeral: "IV",
    title: "Internet data",
    about: "What crosses a network is bytes; what they mean is agreed on by formats. Python has csv, json, xml, html, email and \
            base64 for them; `convert`, `encode` and `decode` do it in the shell.",
    steps: &[
        Step {
            title: "What came is recognised",
            before: "A server sends rows. Nobody says what they are: the client looks for itself.",
            play: |scene| Box::pin(recognised(scene)),
            after: "The server's `Content-Type` is believed first, then the name, then the bytes. `02134` stays as it was \
                    written: a postal code is no number.",
        },
        Step {
            title: "One format into the other",
            before: "Rows and JSON say the same in two ways. `-t` says what is wanted.",
            play: |scene| Box::pin(converted(scene)),
            after: "Each line is a value of its own (NDJSON), so a program can begin with the first before the last has come. \
                    That is how large data is read in little memory.",
        },
        Step {
            title: "Picking what matters",
            before: "A program in the language of jq says what is wanted of it: here the names of those over 30.",
            play: |scene| Box::pin(picked(scene)),
            after: "`.[]` means each of them, `select` keeps some, `.name` takes a member. The array was read piece by piece, and would \
                    be if it had gigabytes; `--explain` says so.",
        },
        Step {
            title: "A page for people, a table for programs",
            before: "Much of the web is HTML, written for browsers. Its tables and links are data, too.",
            play: |scene| Box::pin(page(scene)),
            after: "The page is read as browsers read it, with all its mistakes: end tags may be missing. `--css` picks any \
                    part, `--get href` its links.",
        },
        Step {
            title: "A tree in angle brackets",
            before: "Feeds, maps and office documents are XML. Each `item` below `feed` is a record here.",
            play: |scene| Box::pin(tree(scene)),
            after: "Attributes begin with @. With `--lossless` nothing is left out, so that the way back gives the same document. \
                    What lies outside the document is never fetched, whatever it says.",
        },
        Step {
            title: "Bytes in letters",
            before: "Mail and headers bear letters only, so bytes are written with 64 of them.",
            play: |scene| Box::pin(letters(scene)),
            after: "Three bytes become four letters. Codes can be chained: `sockeye decode base64 gzip`.",
        },
        Step {
            title: "A mistake has a place",
            before: "What if it is not what it should be?",
            play: |scene| Box::pin(mistake(scene)),
            after: "Whoever is told where it is can look there. What came before the mistake is not lost.",
        },
    ],
};

const PEOPLE: &str = "name,age,zip\nAnn,36,02134\n\"Ben, the second\",28,10115\n";
const PEOPLE_JSON: &str = r#"[{"name":"Ann","age":36},{"name":"Ben","age":28}]"#;

async fn recognised(scene: &mut Scene) -> Result<(), Broken> {
    scene.file("the server", "people.csv", PEOPLE)?;
    let server = scene
        .serve_web("the server", "sockeye serve . --port 0")
        .await?;
    let command = format!("sockeye fetch --as json {}/people.csv", server.endpoint);
    let client = scene.run("the client", &command).await?;
    client.exited(0)?;
    client.contains(r#""zip": "02134""#)?;
    client.contains(r#""name": "Ben, the second""#)
}

async fn converted(scene: &mut Scene) -> Result<(), Broken> {
    scene.lay("people.csv", PEOPLE)?;
    let there = scene
        .run("you", "sockeye convert -t ndjson people.csv")
        .await?;
    there.exited(0)?;
    there.wrote(
        "{\"name\":\"Ann\",\"age\":\"36\",\"zip\":\"02134\"}\n{\"name\":\"Ben, the second\",\"age\":\"28\",\"zip\":\"10115\"}\n",
    )
}

async fn picked(scene: &mut Scene) -> Result<(), Broken> {
    scene.file("you", "people.json", PEOPLE_JSON)?;
    let command = "sockeye convert -r --jq '.[] | select(.age > 30) | .name' people.json";
    let picked = scene.run("you", command).await?;
    picked.exited(0)?;
    picked.wrote("Ann\n")
}

async fn page(scene: &mut Scene) -> Result<(), Broken> {
    const PAGE: &str = "<h1>Ports</h1><table><tr><th>port<th>name<tr><td>80<td><a href=/http>http</a><tr><td>443<td>https</table>\n";
    scene.file("you", "page.html", PAGE)?;
    let table = scene
        .run("you", "sockeye convert page.html --html-table 1 -t csv")
        .await?;
    table.exited(0)?;
    table.wrote("port,name\n80,http\n443,https\n")?;
    let command = "sockeye convert page.html --css a --get href --base http://example.org/ports";
    let link = scene.run("you", command).await?;
    link.exited(0)?;
    link.wrote("http://example.org/http\n")
}

async fn tree(scene: &mut Scene) -> Result<(), Broken> {
    const FEED: &str = "<feed><item id='1'><title>Ham &amp; eggs</title></item><item id='2'><title>Spam</title></item></feed>\n";
    scene.file("you", "feed.xml", FEED)?;
    let items = scene
        .run(
            "you",
            "sockeye convert feed.xml --records feed/item -t ndjson",
        )
        .await?;
    items.exited(0)?;
    items.wrote("{\"@id\":\"1\",\"title\":\"Ham & eggs\"}\n{\"@id\":\"2\",\"title\":\"Spam\"}\n")
}

async fn letters(scene: &mut Scene) -> Result<(), Broken> {
    let there = scene
        .pipe("you", "Hello World", "sockeye encode base64")
        .await?;
    there.exited(0)?;
    there.wrote("SGVsbG8gV29ybGQ=")?;
    let back = scene
        .pipe("you", "SGVsbG8gV29ybGQ=", "sockeye decode base64")
        .await?;
    back.exited(0)?;
    back.wrote("Hello World")
}

async fn mistake(scene: &mut Scene) -> Result<(), Broken> {
    let broken = scene
        .pipe(
            "you",
            r#"{"a":1}\n{"a":2,}\n"#,
            "sockeye convert -c --jq .a",
        )
        .await?;
    broken.exited(1)?;
    broken.wrote("1\n")?;
    broken.said("line 2")?;
    scene.shows_code("you", &broken);
    Ok(())
}
