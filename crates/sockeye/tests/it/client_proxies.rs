//! The HTTP client behind proxies: what is put to them, what passes through them, and whose secrets go where.

use sockeye::client::Proxies;
use sockeye::client::http::Client;
use sockeye::endpoint::{Options, Proxy, TlsOptions};
use sockeye::{Kind, Net};
use sockeye_testkit::{LIMIT, Peer, Step, Web, peers};
use tokio::time::timeout;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("in time")
}

fn proxy(text: String) -> Proxy {
    text.parse().unwrap()
}

const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

#[tokio::test]
async fn plain_http_is_put_to_an_http_proxy_as_a_whole_url() {
    let web = Web::new(|_| FINE.into());
    let proxies = Proxies::all(proxy(format!("http://me:secret@{}", web.addr())));
    let client = Client::builder().proxies(proxies).build();
    for path in ["/a?b=c", "/second"] {
        let url = format!("http://nobody.test:81{path}");
        let response = soon(client.get(&url).send()).await.unwrap();
        assert_eq!(soon(response.text()).await.unwrap(), "hello");
    }
    let asked = web.asked();
    assert_eq!(asked[0].line, "GET http://nobody.test:81/a?b=c HTTP/1.1");
    assert_eq!(asked[0].header("Host"), Some("nobody.test:81"));
    assert_eq!(
        asked[0].header("Proxy-Authorization"),
        Some("Basic bWU6c2VjcmV0")
    );
    assert_eq!(asked[0].header("Authorization"), None);
    assert_eq!(web.connections(), 1, "a proxy's connection is kept");
}

#[tokio::test]
async fn what_a_proxy_is_told_never_reaches_the_server_and_the_reverse() {
    // One script is proxy and server: everything crosses the same connection.
    let peer = Peer::tcp([
        Step::expect(
            "CONNECT db.test:80 HTTP/1.1\r\nHost: db.test:80\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n",
        ),
        Step::send("HTTP/1.1 200 OK\r\nSet-Cookie: proxy=1\r\n\r\n"),
        Step::until("\r\n\r\n"),
        Step::send(FINE),
        Step::ReadToEnd,
    ]);
    let mut options = Options::default();
    options.via = vec![proxy(format!("http://me:secret@{}", peer.addr()))];
    let client = Client::builder().endpoint_options(options).build();
    let request = client.get("http://db.test/");
    let request = request
        .header("Authorization", "Bearer token")
        .header("Proxy-Authorization", "Basic typed")
        .header("X-Own", "1");
    let response = soon(request.send()).await.unwrap();
    assert_eq!(response.header("set-cookie"), None);
    assert_eq!(soon(response.text()).await.unwrap(), "hello");
    drop(client);
    let received = String::from_utf8(peer.finish().received).unwrap();
    let (told, passed) = received.split_once("\r\n\r\n").unwrap();
    assert!(!told.contains("token") && !told.contains("X-Own"), "{told}");
    assert!(passed.starts_with("GET / HTTP/1.1\r\n"), "{passed}");
    assert!(passed.contains("Authorization: Bearer token"), "{passed}");
    assert!(!passed.contains("Proxy-Authorization"), "{passed}");
}

#[tokio::test]
async fn a_redirect_to_a_host_without_a_proxy_takes_no_proxy_secret_along() {
    let origin = Web::new(|_| FINE.into());
    let location = origin.url("/direct");
    let web = Web::new(move |_| {
        format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into()
    });
    let proxies = Proxies::all(proxy(format!("http://me:secret@{}", web.addr())));
    let client = Client::builder()
        .proxies(proxies.except("127.0.0.0/8"))
        .build();
    let response = soon(client.get("http://nobody.test/").send())
        .await
        .unwrap();
    assert_eq!(soon(response.text()).await.unwrap(), "hello");
    let asked = origin.asked();
    assert_eq!(asked[0].line, "GET /direct HTTP/1.1");
    assert!(!asked[0].head.contains("Proxy-"), "{}", asked[0].head);
}

#[tokio::test]
async fn connections_of_one_proxy_user_are_not_used_for_another() {
    let web = Web::new(|_| FINE.into());
    let addr = web.addr();
    let mut before = 0;
    for user in ["a:1", "a:2", "b:1"] {
        let proxies = Proxies::all(proxy(format!("http://{user}@{addr}")));
        let client = Client::builder().proxies(proxies).build();
        drop(soon(client.get("http://x.test/").send()).await.unwrap());
        before += 1;
        assert_eq!(web.connections(), before);
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = gone.local_addr().unwrap();
    drop(gone);
    for (url, via) in [
        ("http://nobody.test/", format!("http://me:secret@{addr}")),
        ("https://nobody.test/", format!("http://me:secret@{addr}")),
        ("http://nobody.test/", format!("socks5h://me:secret@{addr}")),
    ] {
        let client = Client::builder().proxies(Proxies::all(proxy(via))).build();
        let error = soon(client.get(url).send()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{error}");
        assert!(error.why().starts_with("proxy "), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_guard_refuses_what_a_proxy_would_resolve() {
    let web = Web::new(|_| FINE.into());
    let addr = web.addr();
    let guarded = Net::new().allow_addresses(move |address| match address == addr.ip() {
        true => Ok(()),
        false => Err("it is not the proxy".into()),
    });
    let client = |net: Net| {
        let proxies = Proxies::all(proxy(format!("http://{addr}")));
        Client::builder().net(net).proxies(proxies).build()
    };
    for url in [
        "http://inner.test/",
        "https://inner.test/",
        "http://192.0.2.1/",
    ] {
        let error = soon(client(guarded.clone()).get(url).send())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Denied, "{error}");
    }
    let allowing = client(guarded.names_at_proxies(true));
    soon(allowing.get("http://inner.test/").send())
        .await
        .unwrap();
    let error = soon(allowing.get("http://192.0.2.1/").send())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Denied, "{error}");
}

#[tokio::test]
async fn squid_forwards_and_tunnels_for_whom_it_knows() {
    let (Some(squid), Some(nginx)) = (peers::Squid::with_basic_auth(), peers::Nginx::start())
    else {
        return;
    };
    nginx.put("a.txt", "through squid\n");
    let mut tls = TlsOptions::default();
    tls.ca = Some(nginx.ca());
    let (http, https) = (nginx.http(), nginx.https());
    let urls = [
        format!("http://{http}/a.txt"),
        format!("https://{https}/a.txt"),
    ];
    let known = Proxies::all(proxy(format!("http://user:secret@{}", squid.addr())));
    let client = Client::builder().tls(tls.clone()).proxies(known).build();
    for url in &urls {
        let response = soon(client.get(url).send()).await.unwrap();
        assert_eq!(soon(response.text()).await.unwrap(), "through squid\n");
    }
    // A tunnel is logged when it ends.
    drop(client);
    squid.log(&format!("GET {} 200 user\n", urls[0]));
    squid.log(&format!("CONNECT {https} 200 user\n"));
    let unknown = Proxies::all(proxy(format!("http://{}", squid.addr())));
    let client = Client::builder().tls(tls).proxies(unknown).build();
    for url in &urls {
        let error = soon(client.get(url).send()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Denied);
        let says = format!(
            "proxy http://{}: it wants a user and a password: 407",
            squid.addr()
        );
        assert!(error.why().starts_with(&says), "{error}");
        assert!(error.hint().unwrap().contains("USER:PASSWORD@"), "{error}");
    }
}
