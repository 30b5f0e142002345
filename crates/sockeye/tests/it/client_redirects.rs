//! Redirects: where they lead, what they make of a request, and what does not go along.

use sockeye::Kind;
use sockeye::client::http::{Body, Client, Credential, Redirects, Response, Why};
use sockeye::data::url::{Scheme, Url};
use sockeye_testkit::peers::{self, HttpBin, Nginx};
use sockeye_testkit::{Asked, LIMIT, Program, Web, temporary_dir};
use tokio::time::timeout;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("in time")
}

fn to(status: u16, location: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
        .into()
}

fn ok(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into()
}

/// Sends `/STATUS` on to `/done`, which says what it was asked.
fn by_status(asked: &Asked) -> Vec<u8> {
    match asked.target()[1..].parse() {
        Ok(status) => to(status, "/done"),
        Err(_) => {
            let kind = asked.header("content-type").unwrap_or("-");
            ok(&format!(
                "{} {kind} {}",
                asked.method(),
                String::from_utf8_lossy(&asked.body)
            ))
        }
    }
}

#[tokio::test]
async fn each_status_makes_of_each_method_what_it_should() {
    let web = Web::new(by_status);
    for (status, method, expected) in [
        (301, "GET", "GET - "),
        (301, "POST", "GET - "),
        (302, "POST", "GET - "),
        (301, "PUT", "PUT text/x hello"),
        (302, "DELETE", "DELETE text/x hello"),
        (303, "POST", "GET - "),
        (303, "PUT", "GET - "),
        (307, "POST", "POST text/x hello"),
        (308, "PUT", "PUT text/x hello"),
    ] {
        let mut request = Client::new().request(method, &web.url(&format!("/{status}")));
        if method != "GET" {
            request = request.body(Body::from("hello").with_media_type("text/x"));
        }
        let response = soon(request.send()).await.unwrap();
        assert_eq!(response.hop().why, Why::Redirected);
        assert_eq!(
            soon(response.text()).await.unwrap(),
            expected,
            "{status} {method}"
        );
    }
    let head = soon(Client::new().head(&web.url("/303")).send())
        .await
        .unwrap();
    assert_eq!(head.hop().method, "HEAD");
    for status in [300, 304, 305, 306, 399] {
        let response = soon(Client::new().get(&web.url(&format!("/{status}"))).send())
            .await
            .unwrap();
        assert_eq!((response.status(), response.hops().len()), (status, 1));
    }
    let none = Client::builder().redirects(Redirects::none()).build();
    let response = soon(none.get(&web.url("/302")).send()).await.unwrap();
    assert_eq!(response.status(), 302);
}

#[tokio::test]
async fn httpbin_sends_a_form_on_as_the_status_says() {
    let Some(httpbin) = HttpBin::shared() else {
        return;
    };
    for (status, is_repeated) in [
        (301, false),
        (302, false),
        (303, false),
        (307, true),
        (308, true),
    ] {
        let url = httpbin.url(&format!("/redirect-to?url=/anything&status_code={status}"));
        let response = soon(Client::new().post(&url).form([("a", "1")]).send())
            .await
            .unwrap();
        let seen: serde_json::Value = soon(response.json()).await.unwrap();
        let method = if is_repeated { "POST" } else { "GET" };
        assert_eq!(seen["method"], method, "{status}");
        assert_eq!(seen["form"]["a"] == "1", is_repeated, "{status}: {seen}");
    }
}

#[tokio::test]
async fn a_body_that_can_be_read_once_is_not_sent_on() {
    let web = Web::new(by_status);
    for (status, is_error) in [(307, true), (308, true), (302, false), (303, false)] {
        let body = Body::reader(&b"from a pipe"[..], Some(11));
        let request = Client::new()
            .post(&web.url(&format!("/{status}")))
            .body(body);
        let sent = soon(request.send()).await;
        match sent {
            Err(error) => {
                assert!(is_error, "{error}");
                assert_eq!(error.kind(), Kind::Usage);
                assert!(
                    error.to_string().contains("cannot be sent again"),
                    "{error}"
                );
            }
            Ok(response) => assert!(!is_error && response.status() == 200),
        }
    }
}

#[tokio::test]
async fn a_circle_is_left_after_twenty_rounds_and_shown() {
    let web = Web::new(|asked| match asked.target() {
        "/in" => to(302, "/a"),
        "/a" => to(302, "/b"),
        _ => to(302, "/a"),
    });
    let failed =
        soon(Client::new().exchange(Client::new().get(&web.url("/in")).build().unwrap())).await;
    let failed = failed.unwrap_err();
    let said = failed.error.to_string();
    assert_eq!(
        (failed.error.kind(), failed.hops.len()),
        (Kind::Protocol, 21)
    );
    let (a, b) = (web.url("/a"), web.url("/b"));
    let circle = |one: &str, other: &str| {
        said.contains(&format!("more than 20 times: {one} → {other} → {one}"))
    };
    assert!(circle(&a, &b) || circle(&b, &a), "{said}");

    let on = Web::new(|asked| {
        let number: u32 = asked.target()[1..].parse().unwrap();
        to(302, &format!("/{}", number + 1))
    });
    let few = Client::builder().redirects(Redirects::at_most(3)).build();
    let error = soon(few.get(&on.url("/1")).send())
        .await
        .unwrap_err()
        .to_string();
    let way: Vec<String> = (1..=5)
        .map(|number| on.url(&format!("/{number}")))
        .collect();
    assert!(
        error.contains(&format!("more than 3 times: {}", way.join(" → ")))
            || error.contains(&way[..4].join(" → ")),
        "{error}"
    );
    assert_eq!(on.asked().len(), 4);

    if let Some(nginx) = Nginx::start() {
        let url = format!("http://{}/loop", nginx.http());
        let error = soon(Client::new().get(&url).send()).await.unwrap_err();
        assert!(error.to_string().contains("/loop → http"), "{error}");
    }
}

#[tokio::test]
async fn only_http_and_https_are_followed_and_others_are_for_the_caller_to_allow() {
    for location in [
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "data:,x",
        "gopher://127.0.0.1:1/",
        "javascript:alert(1)",
        "http://",
    ] {
        let web = Web::new(move |_| to(302, location));
        let error = soon(Client::new().get(&web.url("/")).send())
            .await
            .unwrap_err();
        assert!(
            matches!(error.kind(), Kind::Denied | Kind::Protocol),
            "{location}: {error}"
        );
    }
    let web = Web::new(|_| to(302, "ftp://127.0.0.1/x"));
    let also = Redirects::default().schemes([Scheme::Http, Scheme::Ftp]);
    let client = Client::builder().redirects(also).build();
    let response = soon(client.get(&web.url("/")).send()).await.unwrap();
    assert_eq!(response.status(), 302);
    // Two places at once are none.
    let web = Web::new(|_| {
        b"HTTP/1.1 302 F\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n".to_vec()
    });
    let error = soon(Client::new().get(&web.url("/")).send())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol, "{error}");
}

/// What the second server was told, after the first one sent a request with secrets on to it.
async fn crossed(redirects: Redirects, status: u16) -> (Asked, String, Response) {
    let second = Web::new(|_| ok("second"));
    let there = second.url("/there");
    let first = Web::new(move |_| to(status, &there));
    let client = Client::builder()
        .redirects(redirects)
        .header("X-Client-Key", "secret-1")
        .and_then(|builder| builder.header("Accept-Language", "de"))
        .unwrap()
        .build();
    let request = client
        .post(&first.url("/in?token=secret-in-url"))
        .header("X-Api-Key", "secret-2")
        .header("Authorization", "Bearer secret-3")
        .header("Cookie", "secret-4=1")
        .header("Accept", "text/plain")
        .header("Referer", "http://me:secret-5@here.example/#secret-6")
        .credential(Credential::Basic {
            user: "secret-7".into(),
            password: "p".into(),
        })
        .body("hello");
    let response = soon(request.send()).await.unwrap();
    let asked = second.asked().remove(0);
    (asked, first.url("/"), response)
}

#[tokio::test]
async fn secrets_do_not_cross_to_another_origin_unless_all_are_trusted() {
    for status in [302, 303, 307, 308] {
        let (asked, ..) = crossed(Redirects::default(), status).await;
        assert!(!asked.head.contains("secret"), "{}", asked.head);
        assert!(
            !asked.head.to_lowercase().contains("authorization"),
            "{}",
            asked.head
        );
        assert_eq!(asked.header("accept"), Some("text/plain"));
        assert_eq!(asked.header("accept-language"), Some("de"));
    }
    let (asked, ..) = crossed(Redirects::default().danger_trust_all(true), 307).await;
    for secret in ["secret-1", "secret-2", "secret-3", "secret-4"] {
        assert!(asked.head.contains(secret), "{secret}: {}", asked.head);
    }
}

#[tokio::test]
async fn a_referer_is_sent_only_if_asked_for_and_tells_other_origins_no_more_than_the_origin() {
    let (asked, first, _) = crossed(Redirects::default().referer(true), 302).await;
    assert_eq!(asked.header("referer"), Some(&*first));
    let web = Web::new(|asked| match asked.target() {
        "/a?b" => to(302, "/c"),
        _ => ok(asked.header("referer").unwrap_or("none")),
    });
    let url = web
        .url("/a?b#fragment")
        .replace("http://", "http://user:password@");
    let said = async |redirects: Redirects| {
        let client = Client::builder().redirects(redirects).build();
        let response = soon(client.get(&url).send()).await.unwrap();
        assert_eq!(response.url().fragment(), Some("fragment"));
        soon(response.text()).await.unwrap()
    };
    assert_eq!(said(Redirects::default()).await, "none");
    assert_eq!(
        said(Redirects::default().referer(true)).await,
        web.url("/a?b")
    );
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn from_https_to_http_is_followed_without_secrets_and_said() {
    use sockeye::endpoint::TlsOptions;

    let plain = Web::new(|_| ok("plain"));
    let directives = format!("location = /down {{ return 302 {}; }}", plain.url("/x"));
    let Some(nginx) = Nginx::with(&directives) else {
        return;
    };
    let client = |redirects| {
        let mut tls = TlsOptions::default();
        tls.ca = Some(nginx.ca());
        Client::builder().tls(tls).redirects(redirects).build()
    };
    let url = format!("https://{}/down", nginx.https());
    let request = client(Redirects::default().referer(true))
        .get(&url)
        .header("X-Key", "secret");
    let response = soon(request.send()).await.unwrap();
    let notes = response.hops()[0].notes.join(" ");
    assert!(notes.contains("from https to http://"), "{notes}");
    let asked = plain.asked().remove(0);
    assert!(
        !asked.head.contains("secret") && asked.header("referer").is_none(),
        "{}",
        asked.head
    );
    let error = soon(client(Redirects::default().keep_tls(true)).get(&url).send())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Denied, "{error}");
}

/// References for one base, plain enough that everybody reads them alike.
const LOCATIONS: [&str; 52] = [
    "/",
    "/x",
    "x",
    "./x",
    "../x",
    "../../x",
    "../../../../../x",
    "x/y/../z",
    "x/./y",
    "/a/../b",
    "/a/./b/",
    "..",
    ".",
    "./",
    "../",
    "?q",
    "?",
    "?a=b&c=d",
    "x?y",
    "x?y=/../z",
    "/x?a=../b",
    "//127.0.0.1:{port}/z",
    "http://127.0.0.1:{port}/abs",
    "http://127.0.0.1:{port}",
    "http://127.0.0.1:{port}/a/../b",
    "http://127.0.0.1:{port}?q",
    "x%20y",
    "x%2Fy",
    "%7Ex",
    "~x",
    "/x;p=1",
    "x;p=1",
    "/a//b",
    "//127.0.0.1:{port}//c",
    "/x:y",
    "./x:y",
    "/@x",
    "x@y",
    "/a+b",
    "/(x)",
    "/x,y",
    "/x=y",
    "/x!y",
    "/x$y",
    "/x*y",
    "/x'y",
    "/%E4%BD%A0",
    "/%c3%a9",
    "x/",
    "x//",
    "/very/long/path/with/many/parts/in/it/that/goes/on/and/on",
    "..?q",
];

#[tokio::test]
async fn locations_are_resolved_as_curl_and_urllib_resolve_them() {
    let (Some(curl), Some(python)) = (peers::curl(), peers::python3()) else {
        return;
    };
    let web = Web::new(|asked| {
        let target = asked.target();
        let port = asked
            .header("host")
            .and_then(|host| host.rsplit_once(':'))
            .unwrap()
            .1
            .to_owned();
        let first = target.strip_prefix("/base/dir/n");
        match first.and_then(|rest| rest.strip_suffix("?old")) {
            Some(number) => {
                let number: usize = number.parse().unwrap();
                to(302, &LOCATIONS[number].replace("{port}", &port))
            }
            None => ok(target),
        }
    });
    let urls: Vec<String> = (0..LOCATIONS.len())
        .map(|n| web.url(&format!("/base/dir/n{n}?old")))
        .collect();
    let dir = temporary_dir();
    let script = dir.path().join("follow.py");
    std::fs::write(
        &script,
        "import sys, urllib.request\nopener = urllib.request.build_opener(urllib.request.ProxyHandler({}))\n\
         for url in sys.argv[1:]:\n    try: print(opener.open(url, timeout=10).read().decode())\n    except OSError: print('failed')\n",
    )
    .unwrap();
    let args = ["-q", "-s", "-L", "-g", "-w", "\n"].map(str::to_owned);
    let curl = Program::start(curl, args.iter().chain(&urls));
    let python = Program::start(
        python,
        [script.to_str().unwrap().to_owned()].iter().chain(&urls),
    );
    let client = Client::new();
    let mut ours = Vec::new();
    for url in &urls {
        let response = soon(client.get(url).send()).await.unwrap();
        ours.push(soon(response.text()).await.unwrap());
    }
    let lines = |program: Program| -> Vec<String> {
        let output = program.wait();
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        output.stdout_text().lines().map(str::to_owned).collect()
    };
    let (curl, python) = (lines(curl), lines(python));
    let mut differing = Vec::new();
    for (number, location) in LOCATIONS.iter().enumerate() {
        let (ours, curl, python) = (&ours[number], &curl[number], &python[number]);
        let with_curl = ours == curl || *location == "?";
        let with_python = ours == python || is_python_alone(location);
        if !with_curl || !with_python {
            differing.push(format!(
                "{location}: we ask {ours}, curl {curl}, urllib {python}"
            ));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// Where urllib differs from curl and from the WHATWG: it leaves dot segments of whole URLs as they are and merges slashes at
/// the end. A lone question mark is kept by the WHATWG, which we follow, and by nobody else.
fn is_python_alone(location: &str) -> bool {
    matches!(location, "http://127.0.0.1:{port}/a/../b" | "?" | "x//")
}

#[test]
fn locations_that_are_no_urls_yet_become_some() {
    let base = Url::parse("http://a.example/b/c?d#e").unwrap();
    for (location, expected) in [
        ("/x y", "http://a.example/x%20y#e"),
        ("  /x  ", "http://a.example/x#e"),
        ("/caf\u{e9}", "http://a.example/caf%C3%A9#e"),
        ("//b.example", "http://b.example/#e"),
        ("?q", "http://a.example/b/c?q#e"),
        ("../../../x", "http://a.example/x#e"),
        ("#f", "http://a.example/b/c?d#f"),
        ("https:x", "https://x/#e"),
    ] {
        match base.redirect(location.as_bytes()) {
            Ok(url) => assert_eq!(url.to_string(), expected, "{location}"),
            Err(error) => assert_eq!(location, "https:x", "{error}"),
        }
    }
    for refused in [
        "\\\\evil.example",
        "/\\evil.example",
        "http://a@b@c/",
        "http://[::1",
        "//",
    ] {
        assert!(base.redirect(refused.as_bytes()).is_err(), "{refused}");
    }
}
