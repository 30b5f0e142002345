//! FTP servers that err, lie or are slow, as scripts.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sockeye::client::ftp::{DataMode, Ftp, ListingLimits, Login, ReplyLimits, Security, Settings};
use sockeye::endpoint::{Endpoint, Host, TlsOptions};
use sockeye::{Error, Kind, Link, Net, Result, Stream};
use sockeye_testkit::peers::{FtpServer, FtpTls};
use sockeye_testkit::{Gate, Peer, Step};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// A command that is expected, and what is answered.
fn on(command: &str, answer: &str) -> [Step; 2] {
    [
        Step::expect(format!("{command}\r\n")),
        Step::send(format!("{answer}\r\n")),
    ]
}

/// A server that lets us in and then does this.
fn server<const N: usize>(talk: [[Step; 2]; N]) -> Peer {
    let login = [
        on("USER anonymous", "331 who?"),
        on("PASS anonymous@", "230 in"),
    ];
    let steps = login.into_iter().chain(talk).flatten();
    Peer::tcp(
        [Step::send("220 hello\r\n")]
            .into_iter()
            .chain(steps)
            .collect::<Vec<_>>(),
    )
}

/// One that says this to somebody who comes for a file.
fn file(bytes: &str) -> Peer {
    Peer::tcp([Step::send(bytes)])
}

async fn try_open(peer: &Peer, settings: Settings) -> Result<Ftp> {
    let url = format!("ftp://{}", peer.addr()).parse().unwrap();
    let net = Net::new();
    let opened = Ftp::open(&net, &url, settings);
    tokio::time::timeout(Duration::from_secs(10), opened)
        .await
        .expect("ten seconds are enough")
}

async fn open(peer: &Peer) -> Ftp {
    try_open(peer, Settings::new()).await.unwrap()
}

/// What is said up to a file that comes on this port.
fn retr(port: u16, size: &str, last: &str) -> [[Step; 2]; 4] {
    [
        on("TYPE I", "200 ok"),
        on("SIZE x", size),
        on("EPSV", &format!("229 ok (|||{port}|)")),
        on("RETR x", &format!("150 it comes\r\n{last}")),
    ]
}

async fn get(data: &Peer, size: &str, last: &str) -> Result<Vec<u8>> {
    let peer = server(retr(data.port(), size, last));
    let mut ftp = open(&peer).await;
    let download = ftp.get("x").await?;
    download.bytes(1000).await
}

#[tokio::test]
async fn a_server_without_tls_is_told_no_user() {
    let explicit = || Settings::new().security(Security::Explicit(TlsOptions::default()));
    for answer in ["502 what?", "200 as you like", "234"] {
        let mut steps = vec![Step::send("220 hello\r\n"), Step::expect("AUTH TLS\r\n")];
        steps.push(Step::send(format!("{answer}\r\n")));
        // With 234 it says no more, and it is TLS that fails.
        steps.push(if answer == "234" {
            Step::Close
        } else {
            Step::ExpectEnd
        });
        let peer = Peer::tcp(steps);
        let error = try_open(&peer, explicit()).await.unwrap_err();
        let is_tls = error.kind() == Kind::Tls || (answer == "234" && error.kind() == Kind::Lost);
        assert!(is_tls, "{error:?}");
        assert_eq!(peer.finish().received, b"AUTH TLS\r\n");
    }
}

/// CVE-2021-22947: what somebody put behind the answer to AUTH TLS would be taken for the server's word.
#[tokio::test]
async fn what_is_said_before_tls_does_not_count_after_it() {
    for more in ["230 you are in\r\n", "2", "230-"] {
        let peer = Peer::tcp([
            Step::send("220 hello\r\n"),
            Step::expect("AUTH TLS\r\n"),
            Step::send(format!("234 go\r\n{more}")),
            Step::ExpectEnd,
        ]);
        let settings = Settings::new().security(Security::Explicit(TlsOptions::default()));
        let error = try_open(&peer, settings).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Protocol, "{error}");
        assert!(error.why().contains("clear text"), "{error}");
        peer.finish();
    }
}

/// CVE-2020-8284: a server could send us to any service of any machine.
#[tokio::test]
async fn the_address_of_a_passive_answer_is_not_used() {
    let data = file("hello");
    let [high, low] = data.port().to_be_bytes();
    let peer = server([
        on("TYPE I", "200 ok"),
        on("SIZE x", "213 5"),
        on("EPSV", "500 what?"),
        on("PASV", &format!("227 there (203,0,113,9,{high},{low})")),
        on("RETR x", "150 it comes\r\n226 done"),
    ]);
    let mut ftp = open(&peer).await;
    let download = ftp.get("x").await.unwrap();
    assert_eq!(download.bytes(10).await.unwrap(), b"hello");
    peer.finish();
}

#[tokio::test]
async fn a_file_is_whole_when_the_server_says_so_and_its_size_is_right() {
    assert_eq!(
        get(&file("hello"), "213 5", "226 done").await.unwrap(),
        b"hello"
    );
    // Sizes that are not known are not compared, and a file may have grown.
    assert_eq!(
        get(&file("hello"), "550 no", "250 done").await.unwrap(),
        b"hello"
    );
    assert_eq!(
        get(&file("hello"), "213 2", "226 done").await.unwrap(),
        b"hello"
    );
    let short = get(&file("hello"), "213 10", "226 done").await.unwrap_err();
    assert_eq!(
        (short.kind(), short.why()),
        (Kind::Protocol, "only 5 of 10 bytes came")
    );
    let lost = get(&file("hello"), "213 10", "426 broken")
        .await
        .unwrap_err();
    assert_eq!((lost.kind(), lost.status()), (Kind::Lost, Some(426)));
    let no = get(&file("hello"), "213 5", "451 the disk is ill")
        .await
        .unwrap_err();
    assert_eq!((no.kind(), no.status()), (Kind::Rejected, Some(451)));
    assert!(
        no.to_string()
            .ends_with("/x: the server broke off: 451 the disk is ill"),
        "{no}"
    );
    let gate = Gate::new();
    let reset = Peer::tcp([Step::send("hel"), Step::WaitFor(gate.clone()), Step::Reset]);
    let mut talk: Vec<Step> = retr(reset.port(), "213 5", "426 broken")
        .into_iter()
        .flatten()
        .collect();
    talk.insert(0, Step::send("220 hello\r\n"));
    talk.splice(1..1, on("USER anonymous", "230 in"));
    talk.push(Step::Open(gate));
    let peer = Peer::tcp(talk);
    let mut ftp = open(&peer).await;
    let lost = ftp.get("x").await.unwrap().bytes(1000).await.unwrap_err();
    assert_eq!((lost.kind(), lost.status()), (Kind::Lost, Some(426)));
    let long = get(&file(&"x".repeat(1001)), "213 1001", "226 done")
        .await
        .unwrap_err();
    assert!(long.why().contains("longer than 1000 bytes"), "{long}");
}

#[tokio::test]
async fn a_name_cannot_give_orders() {
    let peer = server([]);
    let mut ftp = open(&peer).await;
    for name in ["a\r\nDELE b", "a\nb", "a\0b"] {
        let errors = [
            ftp.delete(name).await.unwrap_err(),
            ftp.rename("a", name).await.unwrap_err(),
            ftp.mkdir(name).await.unwrap_err(),
            ftp.quote(format!("SITE {name}")).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), Kind::Usage, "{error}");
        }
    }
    for order in ["PORT 1,2,3,4,5,6", "auth tls", "RETR x"] {
        assert_eq!(ftp.quote(order).await.unwrap_err().kind(), Kind::Usage);
    }
    drop(ftp);
    assert_eq!(
        peer.finish().received,
        b"USER anonymous\r\nPASS anonymous@\r\n"
    );
    let url = "ftp://me%0d%0aDELE:x@host/".parse::<sockeye::data::url::Url>();
    assert!(url.is_err());
}

#[tokio::test]
async fn logins_take_as_much_as_the_server_wants() {
    let me = || Login::new("me", "s3cret").account("books");
    for (script, is_in) in [
        (vec![on("USER me", "230 in")], true),
        (
            vec![on("USER me", "331 who?"), on("PASS s3cret", "202 in")],
            true,
        ),
        (
            vec![
                on("USER me", "331 who?"),
                on("PASS s3cret", "332 account?"),
                on("ACCT books", "230 in"),
            ],
            true,
        ),
        (
            vec![on("USER me", "332 account?"), on("ACCT books", "230 in")],
            true,
        ),
        (
            vec![on("USER me", "331 who?"), on("PASS s3cret", "530 no")],
            false,
        ),
        (vec![on("USER me", "530 no")], false),
    ] {
        let mut steps = vec![Step::send("120 soon\r\n220-hello\r\n220 there\r\n")];
        steps.extend(script.into_iter().flatten());
        let peer = Peer::tcp(steps);
        let opened = try_open(&peer, Settings::new().login(me())).await;
        match opened {
            Ok(ftp) => assert!(is_in && ftp.welcome().lines().len() == 2),
            Err(error) => {
                assert!(!is_in && error.kind() == Kind::Rejected && error.status() == Some(530));
                assert!(!format!("{error:?}").contains("s3cret"));
            }
        }
    }
    for greeting in [
        "421 too many",
        "554 go away",
        "SSH-2.0-x",
        "HTTP/1.0 400 Bad Request",
    ] {
        let peer = Peer::tcp([Step::send(format!("{greeting}\r\n"))]);
        let error = try_open(&peer, Settings::new()).await.unwrap_err();
        let kind = match &greeting[..1] {
            "4" => Kind::Lost,
            "5" => Kind::Rejected,
            _ => Kind::Protocol,
        };
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[tokio::test]
async fn the_dialogue_can_be_heard_without_the_password() {
    let heard = Arc::new(Mutex::new(String::new()));
    let ears = Arc::clone(&heard);
    let listener = move |said: sockeye::client::ftp::Said<'_>| {
        ears.lock().unwrap().push_str(&format!("{said}\n"));
    };
    let settings = Settings::new()
        .login(Login::new("me", "s3cret"))
        .listener(listener);
    let peer = Peer::tcp(
        [Step::send("220-hello \x1b[31m\r\n220 there\r\n")]
            .into_iter()
            .chain(on("USER me", "331 who?"))
            .chain(on("PASS s3cret", "230 in"))
            .collect::<Vec<_>>(),
    );
    try_open(&peer, settings).await.unwrap();
    let text = heard.lock().unwrap().clone();
    assert_eq!(
        text,
        "< 220-hello \\x1b[31m\n< 220 there\n> USER me\n< 331 who?\n> PASS ***\n< 230 in\n"
    );
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_is_not_taken_for_the_next() {
    let gate = Gate::new();
    let mut steps = vec![Step::send("220 hello\r\n")];
    steps.extend(on("USER anonymous", "230 in"));
    steps.push(Step::expect("NOOP\r\n"));
    steps.push(Step::WaitFor(gate.clone()));
    steps.push(Step::send("200 nothing was done\r\n"));
    steps.extend(on("PWD", "257 \"/here\""));
    let peer = Peer::tcp(steps);
    let mut ftp = open(&peer).await;
    let dropped = tokio::time::timeout(Duration::from_millis(50), ftp.noop()).await;
    assert!(dropped.is_err());
    gate.open();
    assert_eq!(ftp.pwd().await.unwrap(), b"/here");
}

#[tokio::test]
async fn servers_that_are_slow_or_leave_are_told_apart() {
    let gate = Gate::new();
    let mut steps = vec![Step::send("220 hello\r\n")];
    steps.extend(on("USER anonymous", "230 in"));
    steps.extend([Step::expect("NOOP\r\n"), Step::WaitFor(gate.clone())]);
    let peer = Peer::tcp(steps);
    let settings = Settings::new().reply_timeout(Duration::from_secs(1));
    let url = format!("ftp://{}", peer.addr()).parse().unwrap();
    let mut ftp = Ftp::open(&Net::new(), &url, settings).await.unwrap();
    let late = ftp.noop().await.unwrap_err();
    assert_eq!(late.kind(), Kind::TimedOut);
    assert!(late.why().contains("within 1s"), "{late}");
    gate.open();
    assert_eq!(ftp.noop().await.unwrap_err().kind(), Kind::Lost);
    let peer = server([on("NOOP", "421 it is late")]);
    let mut ftp = open(&peer).await;
    let gone = ftp.noop().await.unwrap_err();
    assert_eq!((gone.kind(), gone.status()), (Kind::Lost, Some(421)));
    let peer = server([]);
    let mut ftp = open(&peer).await;
    peer.finish();
    assert_eq!(ftp.noop().await.unwrap_err().kind(), Kind::Lost);
    // A file of which nothing more comes.
    let gate = Gate::new();
    let data = Peer::tcp([Step::send("hel"), Step::WaitFor(gate.clone())]);
    let peer = server(retr(data.port(), "213 5", "226 done"));
    let settings = Settings::new().idle_timeout(Duration::from_millis(100));
    let mut ftp = try_open(&peer, settings).await.unwrap();
    let error = ftp.get("x").await.unwrap().bytes(10).await.unwrap_err();
    assert!(
        error.kind() == Kind::TimedOut && error.why().contains("no byte of it moved"),
        "{error}"
    );
    gate.open();
}

#[tokio::test]
async fn answers_and_listings_are_bounded() {
    let peer = Peer::tcp([Step::send("220-hello\r\n".repeat(100))]);
    let mut limits = ReplyLimits::default();
    limits.total = 500;
    let error = try_open(&peer, Settings::new().reply_limits(limits))
        .await
        .unwrap_err();
    assert!(
        error.kind() == Kind::Protocol && error.why().contains("more than 500 bytes"),
        "{error}"
    );
    drop(peer);
    let data = file(&"type=file; x\r\n".repeat(100));
    let peer = server([
        on("TYPE A", "200 ok"),
        on("EPSV", &format!("229 ok (|||{}|)", data.port())),
        on("MLSD", "150 it comes\r\n226 done"),
    ]);
    let mut limits = ListingLimits::default();
    limits.entries = 10;
    let mut ftp = try_open(&peer, Settings::new().listing_limits(limits))
        .await
        .unwrap();
    let error = ftp.list("").await.unwrap_err();
    assert!(error.why().contains("more than 10 entries"), "{error}");
}

#[tokio::test]
async fn an_upload_that_the_server_has_enough_of_says_why() {
    let data = Peer::tcp([Step::expect("x"), Step::Reset]);
    let peer = server([
        on("TYPE I", "200 ok"),
        on("EPSV", &format!("229 ok (|||{}|)", data.port())),
        on("STOR x", "150 come\r\n552 the disk is full"),
    ]);
    let mut ftp = open(&peer).await;
    let mut upload = ftp.put("x").await.unwrap();
    let bytes = vec![b'x'; 1 << 20];
    let error = loop {
        if let Err(error) = upload.write(&bytes).await {
            break error;
        }
        assert!(upload.sent() < 1 << 30, "it is never refused");
    };
    assert_eq!((error.kind(), error.status()), (Kind::Rejected, Some(552)));
}

/// A listener that speaks TLS with a certificate of its own, and its fingerprint.
async fn tls_listener() -> (sockeye::Listener, String) {
    let listener = Net::new()
        .listen(&"tls://127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let fingerprint = listener.acceptors()[0].fingerprint().to_owned();
    (listener, fingerprint)
}

/// What trusts these certificates and no others.
fn pins(fingerprints: &[&str]) -> TlsOptions {
    let pins: Vec<_> = fingerprints
        .iter()
        .map(|it| format!("pin=sha256:{it}"))
        .collect();
    let endpoint: Endpoint = format!("tls://x:1?{}", pins.join("&")).parse().unwrap();
    endpoint.tls().unwrap().clone()
}

async fn accept(listener: &mut sockeye::Listener) -> Result<Stream> {
    match listener.accept().await?.unwrap().handshake().await? {
        Link::Stream(stream) => Ok(stream),
        _ => panic!("TLS carries bytes"),
    }
}

/// A server of one file whose connections speak TLS; the one for the file may end without TLS's own end.
async fn tls_server(size: &'static str, is_cut: bool) -> (Endpoint, TlsOptions) {
    let (mut sessions, first) = tls_listener().await;
    let (mut files, second) = tls_listener().await;
    let local = sessions.local().clone();
    let port = files
        .local()
        .to_string()
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    tokio::spawn(async move {
        let mut control = BufReader::new(accept(&mut sessions).await?);
        control.write_all(b"220 hello\r\n").await.ok();
        let mut line = String::new();
        while control.read_line(&mut line).await.is_ok_and(|n| n > 0) {
            let answer = match line.trim_end() {
                "USER anonymous" => "230 in",
                "SIZE x" => size,
                "EPSV" => &format!("229 ok (|||{port}|)"),
                "RETR x" => "150 it comes",
                _ => "200 ok",
            };
            control
                .write_all(format!("{answer}\r\n").as_bytes())
                .await
                .ok();
            if line.starts_with("RETR") {
                let mut file = accept(&mut files).await?;
                file.write_all(b"hello").await.ok();
                file.flush().await.ok();
                if !is_cut {
                    file.shutdown().await.ok();
                }
                drop(file);
                control.write_all(b"226 done\r\n").await.ok();
            }
            line.clear();
        }
        Ok::<(), Error>(())
    });
    let options = pins(&[&first, &second]);
    let carrier = local.carrier().clone();
    (Endpoint::new(carrier), options)
}

/// Whoever can cut a connection could cut a file short, if nobody looked.
#[tokio::test]
async fn a_file_whose_tls_was_cut_is_believed_only_if_its_size_is_right() {
    for (size, is_cut, is_whole) in [
        ("550 no", false, true),
        ("550 no", true, false),
        ("213 5", true, true),
        ("213 6", true, false),
    ] {
        let (at, options) = tls_server(size, is_cut).await;
        let settings = Settings::new().security(Security::Implicit(options));
        let mut ftp = Ftp::connect(&Net::new(), &at, settings).await.unwrap();
        match ftp.get("x").await.unwrap().bytes(10).await {
            Ok(bytes) => assert!(is_whole && bytes == b"hello", "{size} {is_cut}"),
            Err(error) => assert!(!is_whole && error.kind() == Kind::Protocol, "{error}"),
        }
    }
}

#[tokio::test]
async fn connections_that_belong_together_check_each_certificate() {
    let (mut good, fingerprint) = tls_listener().await;
    let (mut bad, _) = tls_listener().await;
    let (good_at, bad_at) = (good.local().clone(), bad.local().clone());
    tokio::spawn(async move { while accept(&mut good).await.is_ok() {} });
    tokio::spawn(async move { while accept(&mut bad).await.is_ok() || !bad.is_single() {} });
    let net = Net::new();
    let mut client = net.tls_client(&pins(&[&fingerprint])).unwrap();
    let host = Host::from("127.0.0.1");
    for (at, is_good) in [(&good_at, true), (&bad_at, false), (&good_at, true)] {
        let bare = Endpoint::new(at.carrier().clone());
        let stream = net.connect(&bare).await.unwrap();
        let secured = client.secure(stream, Some(&host)).await;
        assert_eq!(
            secured.as_ref().map_err(Error::kind).err(),
            (!is_good).then_some(Kind::Tls)
        );
    }
    let stream = net
        .connect(&Endpoint::new(good_at.carrier().clone()))
        .await
        .unwrap();
    let once = net
        .secure(stream, &pins(&[&fingerprint]), Some(&host))
        .await
        .unwrap();
    assert!(!once.secured().unwrap().resumed);
}

/// The server connects to us, and nobody else.
#[tokio::test]
async fn an_active_session_takes_files_from_the_server_alone() {
    for server in [
        FtpServer::vsftpd(FtpTls::None, ""),
        FtpServer::python(FtpTls::None),
    ] {
        let Some(server) = server else {
            return;
        };
        server.put("x", "hello");
        let settings = Settings::new().mode(DataMode::Active);
        let url = format!("ftp://{}", server.addr()).parse().unwrap();
        let mut ftp = Ftp::open(&Net::new(), &url, settings).await.unwrap();
        let download = ftp.get("pub/x").await.unwrap();
        assert_eq!(download.bytes(10).await.unwrap(), b"hello");
        let mut upload = ftp.put("pub/y").await.unwrap();
        upload.write(b"there").await.unwrap();
        upload.finish().await.unwrap();
        assert_eq!(ftp.size("pub/y").await.unwrap(), 5);
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ftp://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let server = tokio::spawn(async move {
        let (control, _) = listener.accept().await.unwrap();
        let mut control = BufReader::new(control);
        let mut line = String::new();
        control.write_all(b"220 hello\r\n").await.unwrap();
        while control.read_line(&mut line).await.unwrap() > 0 {
            let answer = match line.split(' ').next().unwrap().trim_end() {
                "USER" => "230 in",
                "RETR" => "150 it comes",
                "SIZE" => "550 no",
                _ => "200 ok",
            };
            control
                .write_all(format!("{answer}\r\n").as_bytes())
                .await
                .unwrap();
            if let Some(address) = line.strip_prefix("EPRT |1|127.0.0.1|") {
                let port: u16 = address.trim_end().trim_end_matches('|').parse().unwrap();
                for (from, bytes) in [("127.0.0.2:0", "evil"), ("127.0.0.1:0", "good")] {
                    let socket = tokio::net::TcpSocket::new_v4().unwrap();
                    socket.bind(from.parse().unwrap()).unwrap();
                    let mut file = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
                    file.write_all(bytes.as_bytes()).await.unwrap();
                }
            }
            if line.starts_with("RETR") {
                control.write_all(b"226 done\r\n").await.unwrap();
            }
            line.clear();
        }
    });
    let settings = Settings::new().mode(DataMode::Active);
    let mut ftp = Ftp::open(&Net::new(), &url, settings).await.unwrap();
    let download = ftp.get("x").await.unwrap();
    assert_eq!(download.bytes(10).await.unwrap(), b"good");
    server.abort();
}
