//! A fetch that a server may call with a user's URL: no address that is not allowed is ever connected to.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sockeye::client::http::{Client, Policy, Reach};
use sockeye::net::resolve::Resolver;
use sockeye::{Error, Kind, Net};
use sockeye_testkit::{LIMIT, Web};
use tokio::time::timeout;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("in time")
}

/// What servers may fetch, at the ports that tests have.
fn public() -> Policy {
    Policy::public().any_port()
}

fn client(policy: Policy) -> Client {
    Client::builder().policy(policy).build()
}

/// A port of this machine where nobody may come, at 127.0.0.1, and at ::1 if there is one.
struct Forbidden(TcpListener);

impl Forbidden {
    fn new() -> Self {
        Self(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap())
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// Nobody came.
    fn check(self) {
        self.0.set_nonblocking(true).unwrap();
        let error = self.0.accept().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    }
}

async fn refused(client: &Client, url: &str) -> Error {
    match soon(client.get(url).send()).await {
        Ok(response) => panic!("{url} was fetched: {}", response.status()),
        Err(error) => error,
    }
}

#[tokio::test]
async fn this_machine_is_not_reached_however_it_is_written() {
    let forbidden = Forbidden::new();
    let client = client(public());
    let port = forbidden.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.0.1.",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "%31%32%37.0.0.1",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "user:pass@127.0.0.1",
    ] {
        let error = refused(&client, &format!("http://{host}:{port}/")).await;
        // Some of these are no URLs for us to begin with.
        let is_no_url = error.kind() == Kind::Usage;
        assert!(
            is_no_url || matches!(error.kind(), Kind::Denied | Kind::Name),
            "{host}: {error:?}"
        );
    }
    forbidden.check();
}

#[tokio::test]
async fn no_redirect_leads_to_this_machine() {
    let forbidden = Forbidden::new();
    let port = forbidden.port();
    for location in [
        "http://127.0.0.1:{}/",
        "http://[::1]:{}/",
        "http://0.0.0.0:{}/",
        "http://2130706433:{}/",
        "http://localhost:{}/",
        "//127.0.0.1:{}/",
        "http://[::ffff:127.0.0.1]:{}/",
        "ftp://127.0.0.1:{}/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{}/",
        "https://127.0.0.1:{}/",
        "http://169.254.169.254/latest/meta-data/",
    ] {
        let location = location.replace("{}", &port.to_string());
        let web = web_at(Ipv4Addr::new(127, 0, 0, 2), move |_| redirect(&location));
        // Only the first server is an exception.
        let client = client(public().allow_addresses("127.0.0.2").unwrap());
        let error = refused(&client, &web).await;
        assert!(
            matches!(error.kind(), Kind::Denied | Kind::Protocol),
            "{error:?}"
        );
    }
    forbidden.check();
}

fn redirect(location: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into()
}

/// A web server at another address of this machine, which answers each connection once: its URL.
fn web_at(at: Ipv4Addr, answer: impl Fn(usize) -> Vec<u8> + Send + 'static) -> String {
    use std::io::{BufRead, BufReader, Write};
    let listener = TcpListener::bind((at, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            drop((&stream).write_all(&answer(number)));
        }
    });
    format!("http://{addr}/")
}

/// A name server for whatever it is asked, which says these addresses in turn, with no time to live: where it listens, and how
/// often it was asked for one.
fn rebinding<const N: usize>(addresses: [Ipv4Addr; N]) -> (SocketAddr, Arc<AtomicUsize>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = socket.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    std::thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            let query = &query[..length];
            let name_end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap();
            let question = &query[12..name_end + 5];
            let is_a = question[question.len() - 4..] == [0, 1, 0, 1];
            let mut answer = query[..2].to_vec();
            answer.extend([0x84, 0, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
            answer.extend(question);
            if is_a {
                let turn = count.fetch_add(1, Ordering::SeqCst) % N;
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
                answer.extend(addresses[turn].octets());
            }
            drop(socket.send_to(&answer, from));
        }
    });
    (addr, asked)
}

#[tokio::test]
async fn a_name_that_changes_its_address_gains_nothing() {
    let forbidden = Forbidden::new();
    let allowed = Ipv4Addr::new(127, 0, 0, 3);
    // Both have the same port, so that only the address tells them apart.
    let listener = TcpListener::bind((allowed, forbidden.port())).unwrap();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for mut stream in listener.incoming().flatten() {
            drop(stream.read(&mut [0; 1000]));
            drop(
                stream.write_all(
                    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
                ),
            );
        }
    });
    let (name_server, asked) = rebinding([allowed, Ipv4Addr::LOCALHOST]);
    let net = Net::new().resolver(Resolver::new().name_servers([name_server]));
    let policy = public().allow_addresses("127.0.0.3").unwrap();
    let client = Client::builder().net(net).policy(policy).build();
    let url = format!("http://rebinding.test:{}/", forbidden.port());
    let (mut fetched, mut denied) = (0, 0);
    for _ in 0..6 {
        match soon(client.get(&url).send()).await {
            Ok(response) => {
                assert_eq!(response.status(), 200);
                fetched += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), Kind::Denied, "{error}");
                denied += 1;
            }
        }
    }
    assert_eq!(
        (fetched, denied),
        (3, 3),
        "asked {} times",
        asked.load(Ordering::SeqCst)
    );
    forbidden.check();
}

#[tokio::test]
async fn names_that_mean_this_machine_are_refused_after_they_were_resolved() {
    let forbidden = Forbidden::new();
    let hosts = "127.0.0.1 a.test\n::1 b.test\n0.0.0.0 c.test\n10.0.0.1 d.test\n169.254.169.254 metadata.test\n::ffff:127.0.0.1 e.test\n\
                 64:ff9b::7f00:1 f.test\n2002:7f00:1:: g.test\nfd00::1 h.test\nfe80::1 i.test\n100.64.0.1 j.test\n224.0.0.1 k.test";
    let net = Net::new().resolver(Resolver::new().hosts_text(hosts));
    let client = Client::builder().net(net).policy(public()).build();
    for name in [
        "a", "b", "c", "d", "metadata", "e", "f", "g", "h", "i", "j", "k",
    ] {
        let error = refused(
            &client,
            &format!("http://{name}.test:{}/", forbidden.port()),
        )
        .await;
        assert_eq!(error.kind(), Kind::Denied, "{name}: {error}");
        assert!(
            error.to_string().contains("is not allowed: it is "),
            "{name}: {error}"
        );
    }
    forbidden.check();
}

#[tokio::test]
async fn hosts_ports_schemes_and_headers_are_those_of_the_policy() {
    let web = Web::new(|_| b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec());
    let here = || public().allow_addresses("127.0.0.1").unwrap();
    let response = soon(client(here()).get(&web.url("/")).send())
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    for (policy, said) in [
        (
            Policy::public().allow_addresses("127.0.0.1").unwrap(),
            "port",
        ),
        (here().allow_host("example.org").unwrap(), "host 127.0.0.1"),
        (here().deny_host("127.0.0.1").unwrap(), "denies the host"),
        (
            here().schemes([sockeye::data::url::Scheme::Https]),
            "`http`",
        ),
        (here().deny_addresses("127.0.0.0/8").unwrap(), "denied"),
        (Policy::default().reach(Reach::Listed), "not allowed"),
    ] {
        let error = refused(&client(policy), &web.url("/")).await;
        assert_eq!(error.kind(), Kind::Denied);
        assert!(error.to_string().contains(said), "{said}: {error}");
    }
    for (name, value) in [
        ("Host", "internal.example"),
        ("X-Real-IP", "10.0.0.1"),
        ("Transfer-Encoding", "chunked"),
        ("connection", "upgrade"),
    ] {
        let client = client(here().forbid_header("x-real-ip"));
        let error = soon(client.get(&web.url("/")).header(name, value).send())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Denied);
        assert!(
            error.to_string().contains("does not allow the header"),
            "{error}"
        );
    }
    assert_eq!(web.asked().len(), 1);
}

#[tokio::test]
async fn limits_of_the_policy_bound_those_of_the_client_and_of_the_request() {
    let web = Web::new(|asked| match asked.target() {
        "/long" => [
            &b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"[..],
            &[b'x'; 5000],
        ]
        .concat(),
        "/slow" => b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nslow".to_vec(),
        other => redirect(&format!("/{}", other[1..].parse::<u32>().unwrap() + 1)),
    });
    let policy = || public().allow_addresses("127.0.0.1").unwrap();
    let few = client(policy().max_redirects(2));
    let error = refused(&few, &web.url("/1")).await;
    assert!(error.to_string().contains("more than 2 times"), "{error}");
    let none = client(policy().max_redirects(0));
    assert_eq!(
        soon(none.get(&web.url("/1")).send())
            .await
            .unwrap()
            .status(),
        302
    );
    let short = client(policy().max_body(1000));
    let response = soon(short.get(&web.url("/long")).send()).await.unwrap();
    let error = soon(response.bytes()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied, "{error}");
    let quick = client(policy().max_time(Duration::from_millis(100)));
    let request = quick
        .get(&web.url("/slow"))
        .timeout(Duration::from_secs(100));
    let response = soon(request.send()).await.unwrap();
    assert_eq!(
        soon(response.bytes()).await.unwrap_err().kind(),
        Kind::TimedOut
    );
}
