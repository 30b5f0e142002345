//! Log in with a form and go on as that user: the cookie that the answer brings goes along by itself.
//!
//! ```text
//! cargo run -p sockeye --example login      against a small server of its own, on loopback
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use sockeye::client::http::{Client, CookieJar};
use sockeye_testkit::Web;

#[tokio::main(flavor = "current_thread")]
async fn main() -> sockeye::Result<()> {
    let server = Web::new(|asked| {
        match (asked.target(), asked.header("cookie")) {
        ("/login", _) if asked.body == b"user=me&password=s+3cret" => {
            b"HTTP/1.1 303 See Other\r\nSet-Cookie: id=7; Path=/; HttpOnly\r\nLocation: /home\r\nContent-Length: 0\r\n\r\n".to_vec()
        }
        (_, Some("id=7")) => b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nwelcome back".to_vec(),
        _ => b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_vec(),
    }
    });

    let jar = CookieJar::new();
    let client = Client::builder().cookies(jar.clone()).build();
    let stranger = client.get(&server.url("/home")).send().await?;
    println!("before: {}", stranger.status());

    let form = [("user", "me"), ("password", "s 3cret")];
    let home = client.post(&server.url("/login")).form(form).send().await?;
    println!("after: {} from {}", home.status(), home.hop().url.path());
    println!("{}", home.text().await?);

    // The file is the one that curl -b and wget --load-cookies read.
    for cookie in jar.cookies() {
        println!("{cookie:?}");
    }
    Ok(())
}
