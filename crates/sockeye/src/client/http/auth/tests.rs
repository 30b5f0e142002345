#![allow(clippy::unwrap_used)]

use sockeye_data::challenge::{Challenge, parse};

use super::digest::{Asked, Digest};
use super::proof::Proof;
use super::*;

fn secret(user: &str, password: &str) -> Secret {
    Secret {
        user: user.as_bytes().to_vec(),
        password: password.as_bytes().to_vec(),
    }
}

fn get(target: &str) -> Asked<'_> {
    Asked {
        method: "GET",
        target,
        body: Some(b""),
    }
}

/// The parameters of what we answer.
fn answer(challenge: &str, cnonce: &str, who: &Secret, asked: Asked<'_>) -> Challenge {
    let challenge = &parse(challenge.as_bytes())[0];
    let mut digest = Digest::of(challenge, true, cnonce.to_owned()).unwrap();
    parse(&digest.answer(who, asked)).remove(0)
}

#[test]
fn digest_gives_the_answers_of_rfc_7616() {
    // Section 3.9.1.
    let who = secret("Mufasa", "Circle of Life");
    for (algorithm, response) in [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        (
            "SHA-256",
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
    ] {
        let challenge = format!(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        );
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let answer = answer(&challenge, cnonce, &who, get("/dir/index.html"));
        assert_eq!(answer.text("response"), Some(response), "{algorithm}");
        assert_eq!(answer.text("nc"), Some("00000001"));
        assert_eq!(answer.text("qop"), Some("auth"));
        assert_eq!(answer.text("algorithm"), Some(algorithm));
        assert_eq!(
            answer.text("opaque"),
            Some("FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS")
        );
    }
    // Section 3.9.2: the user as erratum 4897 corrects it, the response by hashlib, since its example is not of SHA-512/256.
    let challenge = "Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, \
        nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS\", \
        charset=UTF-8, userhash=true";
    let who = secret("J\u{e4}s\u{f8}n Doe", "Secret, or not?");
    let answer = answer(
        challenge,
        "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm",
        &who,
        get("/doe.json"),
    );
    assert_eq!(
        answer.text("username"),
        Some("793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b")
    );
    assert_eq!(
        answer.text("response"),
        Some("7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c")
    );
    assert_eq!(answer.text("userhash"), Some("true"));
}

#[test]
fn digest_as_rfc_2069_had_it_and_with_sessions_and_bodies() {
    // RFC 2069 section 2.4, as its erratum 749 corrects it.
    let who = secret("Mufasa", "CircleOfLife");
    let challenge = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
        opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
    let found = answer(challenge, "x", &who, get("/dir/index.html"));
    assert_eq!(
        found.text("response"),
        Some("1949323746fe6a43ef61f9606e7febea")
    );
    assert_eq!(
        (found.text("qop"), found.text("nc"), found.text("cnonce")),
        (None, None, None)
    );

    // Computed with Python's hashlib by the formulas of RFC 7616 section 3.4.
    let who = secret("u", "p");
    let asked = Asked {
        method: "POST",
        target: "/x",
        body: Some(b"hello"),
    };
    for (algorithm, qop, response) in SESSIONS {
        let challenge =
            format!("Digest realm=\"r\", nonce=\"n\", algorithm={algorithm}, qop=\"{qop}\"");
        let found = answer(&challenge, "c", &who, asked);
        assert_eq!(found.text("response"), Some(*response), "{algorithm} {qop}");
    }
}

const SESSIONS: &[(&str, &str, &str)] = &[
    ("MD5", "auth", "5fa004f487039d8a57b97d87e96c09cd"),
    ("MD5", "auth-int", "9f4e354afb1ee977b2654d956e3f6e35"),
    ("MD5-sess", "auth", "a2c9204ed7988a47b0676b32f6f89b86"),
    ("MD5-sess", "auth-int", "ac00531a46487dbe136cb27c788d2ce6"),
    (
        "SHA-256-sess",
        "auth",
        "6583105d3725353c557ce43a66dad0dca85cc8c7d7145897a3e1605d203bf705",
    ),
    (
        "SHA-256-sess",
        "auth-int",
        "9be79e9cfda9d0f80c90665d3cf95b202bd45a782b8fb204a259dca91120e4f1",
    ),
    (
        "SHA-512-256-sess",
        "auth",
        "d4e9e50b83756fd0d23980871c8bbe1f0e6c6663b80f99df4856f0b9698272c7",
    ),
    (
        "SHA-512-256-sess",
        "auth-int",
        "4c62ef58648eb95c717b478ffdb9124f240829b5b8c6a966d6a75a28bda27744",
    ),
];

#[test]
fn quotes_in_a_realm_are_no_way_out_of_it() {
    let challenge = parse(br#"Digest realm="a \"b\" \\c", nonce="n", qop="auth""#);
    let mut digest = Digest::of(&challenge[0], true, "c".into()).unwrap();
    let text = String::from_utf8(digest.answer(&secret("m\"e", "p"), get("/"))).unwrap();
    assert!(
        text.starts_with(r#"Digest username="m\"e", realm="a \"b\" \\c", nonce="n", uri="/", "#),
        "{text}"
    );
    assert!(text.contains("nc=00000001"));
    let text = String::from_utf8(digest.answer(&secret("me", "p"), get("/"))).unwrap();
    assert!(text.contains("nc=00000002"), "{text}");
}

#[test]
fn the_strongest_that_is_offered_is_chosen() {
    let chosen = |offered: &str, basic, body| {
        let found = Proof::choose(&parse(offered.as_bytes()), basic, body);
        match found {
            None => "nothing".to_owned(),
            Some(Proof::Basic) => "basic".to_owned(),
            Some(Proof::Digest(mut digest)) => {
                let answer = digest.answer(&secret("u", "p"), get("/"));
                let answer = parse(&answer);
                let word = |name| answer[0].text(name).unwrap_or("-").to_owned();
                format!("{} {}", word("algorithm"), word("qop"))
            }
        }
    };
    const BOTH: &str = "Basic realm=x, Digest realm=x, nonce=n, qop=\"auth\", algorithm=MD5, \
        Digest realm=x, nonce=n, qop=\"auth-int,auth\", algorithm=SHA-256";
    for (offered, basic, body, choice) in [
        (BOTH, true, true, "SHA-256 auth"),
        ("Basic realm=x", true, true, "basic"),
        ("Basic realm=x", false, true, "nothing"),
        ("Negotiate, NTLM", true, true, "nothing"),
        ("Digest realm=x, nonce=n", true, true, "- -"),
        (
            "Digest realm=x, nonce=n, qop=\"auth-int\"",
            true,
            true,
            "- auth-int",
        ),
        (
            "Digest realm=x, nonce=n, qop=\"auth-int\"",
            true,
            false,
            "nothing",
        ),
        (
            "Digest realm=x, nonce=n, qop=\"odd\", Basic realm=x",
            true,
            true,
            "basic",
        ),
        (
            "Digest realm=x, nonce=n, algorithm=SHA-3",
            true,
            true,
            "nothing",
        ),
        ("Digest nonce=n", true, true, "nothing"),
        ("Digest realm=x", true, true, "nothing"),
        (
            "Digest realm=x, nonce=n, algorithm=md5-SESS",
            true,
            true,
            "md5-SESS -",
        ),
    ] {
        assert_eq!(chosen(offered, basic, body), choice, "{offered}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let credentials = Credentials::new();
    let origin = Url::parse("https://a.example").unwrap().origin().unwrap();
    let origin2 = Url::parse("https://b.example").unwrap().origin().unwrap();
    credentials.insert(origin, Credential::login(Login::Any, "me", "s3cret"));
    credentials.insert(origin2, Credential::Bearer("s3cret".into()));
    let shown = format!("{credentials:?}");
    assert_eq!(
        shown,
        "{\"https://a.example:443\": Any(\"me\"), \"https://b.example:443\": Bearer}"
    );
}
