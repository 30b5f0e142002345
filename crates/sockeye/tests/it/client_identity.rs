//! Who we are: secrets go to the origin they are for and nowhere else, whatever servers say.

use std::sync::Mutex;

use sockeye::client::http::{
    Client, ClientCredentials, CookieJar, Credential, Credentials, HstsStore, Login, Redirects,
    Response, Session,
};
use sockeye::data::netrc::Netrc;
use sockeye::data::url::{Origin, Url};
use sockeye_testkit::peers::HttpBin;
use sockeye_testkit::{Asked, LIMIT, Peer, Step, Web};
use tokio::time::timeout;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("in time")
}

fn ok(headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 2\r\n\r\nok").into()
}

fn redirect(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into()
}

fn unauthorized(challenge: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n"
    )
    .into()
}

fn origin(url: &str) -> Origin {
    Url::parse(url).unwrap().origin().unwrap()
}

fn netrc(text: &str) -> Credentials {
    let credentials = Credentials::new();
    credentials.set_netrc(Netrc::parse(text.as_bytes()).unwrap());
    credentials
}

async fn get(client: &Client, url: &str) -> Response {
    let mut response = soon(client.get(url).send()).await.unwrap();
    soon(response.gather()).await.unwrap();
    response
}

/// A server that sends everybody to another one, and that other one.
fn two(path: &str) -> (Web, Web) {
    let there = Web::new(|_| ok(""));
    let to = there.url(path);
    (Web::new(move |_| redirect(&to)), there)
}

/// Whether anything in a head is a secret of these tests.
fn is_clean(asked: &Asked) -> bool {
    let head = asked.head.to_ascii_lowercase();
    !["s3cret", "authorization", "cookie", "x-key", "referer", "@"].iter().any(|it| head.contains(it))
        // "me:s3cret" in base64.
        && !asked.head.contains("bWU6czNjcmV0")
}

const ME: &str = "Basic bWU6czNjcmV0";

fn me(login: Login) -> Credential {
    Credential::login(login, "me", "s3cret")
}

#[tokio::test]
async fn credentials_and_typed_secrets_do_not_follow_a_redirect_to_another_origin() {
    // Another port is another origin; both servers are 127.0.0.1.
    let (here, there) = two("/x");
    let jar = CookieJar::new();
    let client = Client::builder().cookies(jar).build();
    let url = here.url("/").replace("http://", "http://me:s3cret@");
    for request in [
        client.get(&url),
        client.get(&here.url("/")).credential(me(Login::Basic)),
        client
            .get(&here.url("/"))
            .credential(Credential::Bearer("s3cret".into())),
        client
            .get(&here.url("/"))
            .header("Authorization", "s3cret")
            .header("X-Key", "s3cret"),
        client.get(&here.url("/")).header("Cookie", "s3cret=1"),
        client.get(&here.url("/")).cookie("s3cret", "1"),
    ] {
        soon(request.send()).await.unwrap();
    }
    assert!(here.asked().iter().all(|asked| !is_clean(asked)));
    let there = there.asked();
    assert_eq!(there.len(), 6);
    for asked in there {
        assert!(is_clean(&asked), "{}", asked.head);
    }
}

#[tokio::test]
async fn credentials_follow_a_redirect_within_their_origin_and_back_home() {
    let away = std::sync::Arc::new(Mutex::new(String::new()));
    let back = away.clone();
    let here = Web::new(move |asked| match asked.target() {
        "/start" => redirect("/next"),
        "/next" => redirect(&back.lock().unwrap()),
        _ => ok(""),
    });
    let home = here.url("/home");
    let there = Web::new(move |_| redirect(&home));
    *away.lock().unwrap() = there.url("/");
    let url = here.url("/start").replace("http://", "http://me:s3cret@");
    soon(Client::new().get(&url).cookie("a", "1").send())
        .await
        .unwrap();
    for asked in here.asked() {
        assert_eq!(asked.header("authorization"), Some(ME), "{}", asked.head);
        assert_eq!(asked.header("cookie"), Some("a=1"), "{}", asked.head);
        assert!(!asked.head.contains('@'));
    }
    assert_eq!(here.asked().len(), 3);
    assert!(is_clean(&there.asked()[0]), "{}", there.asked()[0].head);
}

#[tokio::test]
async fn trusting_all_is_said_aloud_and_then_credentials_go_along() {
    let (here, there) = two("/x");
    let redirects = Redirects::default().danger_trust_all(true);
    let client = Client::builder().redirects(redirects).build();
    soon(
        client
            .get(&here.url("/"))
            .credential(me(Login::Basic))
            .send(),
    )
    .await
    .unwrap();
    assert_eq!(there.asked()[0].header("authorization"), Some(ME));
}

#[tokio::test]
async fn a_netrc_speaks_for_hosts_it_names_and_not_for_other_ports_of_the_first() {
    // The port does not stand in the file, so a redirect to another one must not get what was meant for this one.
    let (here, there) = two("/x");
    let client = Client::builder()
        .credentials(netrc("machine 127.0.0.1 login me password s3cret"))
        .build();
    get(&client, &here.url("/")).await;
    assert_eq!(here.asked()[0].header("authorization"), Some(ME));
    assert!(is_clean(&there.asked()[0]), "{}", there.asked()[0].head);

    // The line for everybody else is for those who were asked, not for those to whom they send us.
    let to = there.url("/").replace("127.0.0.1", "localhost");
    let here = Web::new(move |_| redirect(&to));
    let client = Client::builder()
        .credentials(netrc("default login me password s3cret"))
        .build();
    get(&client, &here.url("/")).await;
    assert_eq!(here.asked()[0].header("authorization"), Some(ME));
    assert!(
        there
            .asked()
            .last()
            .unwrap()
            .header("authorization")
            .is_none()
    );

    // An empty line for a host gives nothing, least of all the password of another.
    let text = "machine 127.0.0.1 login me password s3cret machine localhost default";
    let client = Client::builder().credentials(netrc(text)).build();
    get(&client, &here.url("/")).await;
    assert!(
        there
            .asked()
            .last()
            .unwrap()
            .header("authorization")
            .is_none()
    );
}

#[tokio::test]
async fn the_user_in_a_url_picks_its_line_of_the_netrc() {
    let web = Web::new(|_| ok(""));
    let text =
        "machine 127.0.0.1 login you password other\nmachine 127.0.0.1 login me password s3cret";
    let client = Client::builder().credentials(netrc(text)).build();
    let with = |user: &str| web.url("/").replace("http://", &format!("http://{user}"));
    get(&client, &with("me@")).await;
    get(&client, &with("")).await;
    get(&client, &with("me:mine@")).await;
    get(&client, &with("they@")).await;
    let sent: Vec<String> = web
        .asked()
        .iter()
        .map(|asked| asked.header("authorization").unwrap_or("-").to_owned())
        .collect();
    assert_eq!(
        sent,
        [
            ME,
            "Basic eW91Om90aGVy",
            "Basic bWU6bWluZQ==",
            "Basic dGhleTo="
        ]
    );
}

#[tokio::test]
async fn a_digest_is_answered_counted_and_kept_for_its_origin_alone() {
    let answer = |asked: &Asked| match asked.header("authorization") {
        None => unauthorized(
            r#"Basic realm="x", Digest realm="a \"b\"", nonce="n1", qop="auth", algorithm=SHA-256"#,
        ),
        Some(_) => ok(""),
    };
    let (here, there) = (Web::new(answer), Web::new(answer));
    let client = Client::new();
    let ask = |web: &Web, path: &str| client.get(&web.url(path)).credential(me(Login::Any)).send();
    for _ in 0..2 {
        assert_eq!(soon(ask(&here, "/a?b")).await.unwrap().status(), 200);
    }
    assert_eq!(soon(ask(&there, "/c")).await.unwrap().status(), 200);
    let sent = |web: &Web| -> Vec<String> {
        let sent = web.asked();
        sent.iter()
            .map(|asked| asked.header("authorization").unwrap_or("-").to_owned())
            .collect()
    };
    let sent_here = sent(&here);
    assert_eq!(sent_here.len(), 3, "{sent_here:?}");
    assert_eq!(sent_here[0], "-");
    assert!(
        sent_here[1].contains(r#"realm="a \"b\"", nonce="n1", uri="/a?b", algorithm=SHA-256"#),
        "{sent_here:?}"
    );
    assert!(sent_here[1].contains("nc=00000001") && sent_here[2].contains("nc=00000002"));
    assert!(
        !sent_here
            .iter()
            .any(|line| line.contains("s3cret") || line.starts_with("Basic"))
    );
    // The other origin was asked without anything first.
    assert_eq!(sent(&there)[0], "-");
    assert_eq!(sent(&there).len(), 2);
}

#[tokio::test]
async fn digest_state_does_not_follow_a_redirect() {
    let there = Web::new(|_| unauthorized(r#"Digest realm="evil", nonce="n", qop="auth""#));
    let to = there.url("/");
    let here = Web::new(move |asked| match asked.header("authorization") {
        None => unauthorized(r#"Digest realm="x", nonce="n", qop="auth""#),
        Some(_) => redirect(&to),
    });
    let response = soon(
        Client::new()
            .get(&here.url("/"))
            .credential(me(Login::Digest))
            .send(),
    )
    .await
    .unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(there.asked().len(), 1);
    assert!(is_clean(&there.asked()[0]), "{}", there.asked()[0].head);
}

#[tokio::test]
async fn a_stale_nonce_is_answered_once_and_a_wrong_password_not_at_all() {
    // The first nonce is always too old.
    let web = Web::new(|asked| match asked.header("authorization") {
        None => unauthorized(r#"Digest realm="x", nonce="old", qop="auth""#),
        Some(sent) if sent.contains("nonce=\"old\"") => {
            unauthorized(r#"Digest realm="x", nonce="new", qop="auth", stale=TRUE"#)
        }
        Some(_) => ok(""),
    });
    let client = Client::new();
    let response = soon(
        client
            .get(&web.url("/"))
            .credential(me(Login::Digest))
            .send(),
    )
    .await
    .unwrap();
    assert_eq!((response.status(), web.asked().len()), (200, 3));

    // All nonces are: once is enough.
    let count = Mutex::new(0);
    let web = Web::new(move |asked| {
        let mut count = count.lock().unwrap();
        *count += 1;
        let stale = if asked.header("authorization").is_some() {
            ", stale=true"
        } else {
            ""
        };
        unauthorized(&format!(
            "Digest realm=\"x\", nonce=\"n{count}\", qop=\"auth\"{stale}"
        ))
    });
    let response = soon(
        client
            .get(&web.url("/"))
            .credential(me(Login::Digest))
            .send(),
    )
    .await
    .unwrap();
    assert_eq!((response.status(), web.asked().len()), (401, 3));

    // The password is wrong: nothing to gain.
    let web = Web::new(|asked| match asked.header("authorization") {
        None => unauthorized(r#"Digest realm="x", nonce="n", qop="auth""#),
        Some(_) => unauthorized(r#"Digest realm="x", nonce="m", qop="auth", stale=false"#),
    });
    let response = soon(
        client
            .get(&web.url("/"))
            .credential(me(Login::Digest))
            .send(),
    )
    .await
    .unwrap();
    assert_eq!((response.status(), web.asked().len()), (401, 2));
}

#[tokio::test]
async fn the_next_nonce_may_come_with_an_answer() {
    let web = Web::new(|asked| match asked.header("authorization") {
        None => unauthorized(r#"Digest realm="x", nonce="n", qop="auth""#),
        Some(_) => ok("Authentication-Info: nextnonce=\"m\", qop=auth\r\n"),
    });
    let client = Client::new();
    for _ in 0..2 {
        soon(
            client
                .get(&web.url("/"))
                .credential(me(Login::Digest))
                .send(),
        )
        .await
        .unwrap();
    }
    let last = web.asked().pop().unwrap();
    let sent = last.header("authorization").unwrap();
    assert!(
        sent.contains("nonce=\"m\"") && sent.contains("nc=00000001"),
        "{sent}"
    );
}

#[tokio::test]
async fn a_password_is_not_sent_unasked_where_that_was_not_wanted() {
    let web = Web::new(|asked| match asked.header("authorization") {
        Some(_) => ok(""),
        None => unauthorized("Basic realm=x"),
    });
    let client = Client::new();
    let ask = |login| client.get(&web.url("/")).credential(me(login)).send();
    // Digest alone never gives it away, any does when it is asked, basic does at once.
    assert_eq!(soon(ask(Login::Digest)).await.unwrap().status(), 401);
    assert_eq!(soon(ask(Login::Any)).await.unwrap().status(), 200);
    assert_eq!(soon(ask(Login::Basic)).await.unwrap().status(), 200);
    let sent: Vec<bool> = web
        .asked()
        .iter()
        .map(|asked| asked.header("authorization").is_some())
        .collect();
    assert_eq!(sent, [false, false, true, true]);
    // A challenge that nobody understands is an answer.
    let web = Web::new(|_| unauthorized("Negotiate, NTLM"));
    assert_eq!(
        soon(client.get(&web.url("/")).credential(me(Login::Any)).send())
            .await
            .unwrap()
            .status(),
        401
    );
    assert_eq!(web.asked().len(), 1);
}

#[tokio::test]
async fn bound_credentials_go_to_their_origin_and_no_line_is_torn() {
    let (here, there) = (Web::new(|_| ok("")), Web::new(|_| ok("")));
    let credentials = Credentials::new();
    credentials.insert(origin(&here.url("/")), Credential::Bearer("s3cret".into()));
    let client = Client::builder().credentials(credentials.clone()).build();
    get(&client, &here.url("/")).await;
    get(&client, &there.url("/")).await;
    assert_eq!(
        here.asked()[0].header("authorization"),
        Some("Bearer s3cret")
    );
    assert!(is_clean(&there.asked()[0]));
    credentials.insert(
        origin(&here.url("/")),
        Credential::Bearer("a\r\nX: b".into()),
    );
    let error = soon(client.get(&here.url("/")).send()).await.unwrap_err();
    assert_eq!(error.kind(), sockeye::Kind::Usage, "{error}");
    let cookie = client.get(&here.url("/")).cookie("a", "b\r\nX: c").send();
    assert_eq!(soon(cookie).await.unwrap_err().kind(), sockeye::Kind::Usage);
    assert_eq!(here.asked().len(), 1);
}

#[tokio::test]
async fn cookies_are_taken_and_sent_along_redirects() {
    let web = Web::new(|asked| match asked.target() {
        "/login" => {
            b"HTTP/1.1 302 Found\r\nSet-Cookie: id=7; Path=/\r\nSet-Cookie: super=1; Domain=com\r\n\
            Set-Cookie: typed=theirs\r\nLocation: /home\r\nContent-Length: 0\r\n\r\n"
                .to_vec()
        }
        _ => ok(""),
    });
    let jar = CookieJar::new();
    let client = Client::builder().cookies(jar.clone()).build();
    soon(
        client
            .get(&web.url("/login"))
            .cookie("typed", "mine")
            .cookie("b", "2")
            .send(),
    )
    .await
    .unwrap();
    let sent: Vec<_> = web
        .asked()
        .iter()
        .map(|asked| asked.header("cookie").unwrap_or("-").to_owned())
        .collect();
    assert_eq!(sent, ["typed=mine; b=2", "id=7; typed=theirs; b=2"]);
    assert_eq!(jar.cookies().len(), 2);
    get(&client, &web.url("/")).await;
    assert_eq!(web.asked()[2].header("cookie"), Some("id=7; typed=theirs"));
    // Without a jar nothing is kept.
    let client = Client::new();
    get(&client, &web.url("/login")).await;
    assert_eq!(web.asked().last().unwrap().header("cookie"), None);
}

#[tokio::test]
async fn a_host_that_wants_tls_is_not_asked_without_and_secrets_go_there_too() {
    let store = HstsStore::new();
    store.learn(&Url::parse("https://localhost/").unwrap(), b"max-age=60");
    // The server does not speak TLS: that we fail there shows that we asked so.
    let peer = Peer::tcp([Step::send("HTTP/1.1 400 Bad Request\r\n\r\n")]);
    let client = Client::builder().hsts(store).build();
    let url = format!("http://localhost:{}/", peer.port());
    let error = soon(client.get(&url).send()).await.unwrap_err();
    assert_eq!(error.kind(), sockeye::Kind::Tls, "{error}");
    peer.finish();
    let request = client
        .get(&url)
        .credential(me(Login::Basic))
        .build()
        .unwrap();
    let preview = client.preview(request).unwrap();
    assert_eq!(
        preview.head.headers.get("authorization"),
        Some(ME.as_bytes())
    );
    assert!(
        preview
            .request
            .url()
            .to_string()
            .starts_with("https://localhost")
    );
}

#[tokio::test]
async fn a_session_knows_who_we_are_and_tells_only_those_it_told_before() {
    let dir = sockeye_testkit::temporary_dir();
    let (here, there) = two("/x");
    let session = Session::open(dir.path().join("s.json")).unwrap();
    let url = Url::parse(&here.url("/")).unwrap();
    session.remember(&url, Some(&me(Login::Basic)), &Default::default());
    session.save().unwrap();
    let session = Session::open(session.path()).unwrap();
    let client = Client::builder()
        .cookies(session.cookies())
        .credentials(session.credentials())
        .build();
    get(&client, &here.url("/")).await;
    assert_eq!(here.asked()[0].header("authorization"), Some(ME));
    assert!(is_clean(&there.asked()[0]), "{}", there.asked()[0].head);
}

#[tokio::test]
async fn httpbin_believes_our_digests() {
    let Some(httpbin) = HttpBin::shared() else {
        return;
    };
    let client = Client::builder().cookies(CookieJar::new()).build();
    for (path, login) in [
        ("/digest-auth/auth/me/s3cret/MD5", Login::Digest),
        ("/digest-auth/auth/me/s3cret/SHA-256", Login::Digest),
        ("/digest-auth/auth-int/me/s3cret/SHA-256", Login::Any),
        ("/basic-auth/me/s3cret", Login::Basic),
        ("/basic-auth/me/s3cret", Login::Any),
        ("/hidden-basic-auth/me/s3cret", Login::Basic),
    ] {
        let response = soon(client.get(&httpbin.url(path)).credential(me(login)).send())
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{path} {login:?}");
    }
    let request = client
        .get(&httpbin.url("/digest-auth/auth/me/s3cret"))
        .credential(Credential::login(Login::Digest, "me", "wrong"));
    assert_eq!(soon(request.send()).await.unwrap().status(), 401);
    let token = client
        .get(&httpbin.url("/bearer"))
        .credential(Credential::Bearer("t".into()));
    assert!(
        soon(soon(token.send()).await.unwrap().text())
            .await
            .unwrap()
            .contains("\"token\": \"t\"")
    );
}

#[tokio::test]
async fn a_token_is_fetched_and_refusals_are_told() {
    let json = |status: &str, text: &str| -> Vec<u8> {
        format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        )
        .into()
    };
    let web = Web::new(
        move |asked| match (asked.target(), asked.header("authorization")) {
            ("/token", Some("Basic bSUzQWU6cyt0")) => json(
                "200 OK",
                "{\"access_token\": \"t0ken\", \"token_type\": \"bearer\", \"expires_in\": 60}",
            ),
            ("/html", _) => json("200 OK", "<html>"),
            ("/mac", _) => json(
                "200 OK",
                "{\"access_token\": \"t\", \"token_type\": \"mac\"}",
            ),
            _ => json(
                "401 Unauthorized",
                "{\"error\": \"invalid_client\", \"error_description\": \"x\\u001b[2J\"}",
            ),
        },
    );
    let client = Client::new();
    let at = |path: &str, secret: &str| {
        ClientCredentials::new(Url::parse(&web.url(path)).unwrap(), "m:e", secret).scope("a b")
    };
    let token = soon(at("/token", "s t").token(&client)).await.unwrap();
    assert!(token == Credential::Bearer("t0ken".into()));
    let asked = &web.asked()[0];
    assert_eq!(asked.body, b"grant_type=client_credentials&scope=a+b");
    assert_eq!(
        asked.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    for (path, why) in [
        ("/token", "invalid_client (x\\x1b[2J)"),
        ("/html", "no JSON"),
        ("/mac", "no bearer token"),
    ] {
        let error = soon(at(path, "wrong").token(&client)).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(why) && !text.contains("wrong"), "{text}");
    }
}
