#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn shown(value: &str) -> String {
    let one = |it: &Challenge| {
        let parameters = it.parameters.iter();
        let parameters: Vec<String> = parameters
            .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)))
            .collect();
        let token = it.token68.iter().map(|token| format!("<{token}>"));
        let words = token.chain(parameters).collect::<Vec<_>>().join("|");
        format!("{}({words})", it.scheme)
    };
    let found = parse(value.as_bytes());
    found.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn challenges_and_their_parameters_are_told_apart() {
    for (value, read) in [
        ("Basic realm=\"x\"", "basic(realm=x)"),
        ("Basic", "basic()"),
        (
            "Basic realm=\"a\", charset=\"UTF-8\"",
            "basic(realm=a|charset=UTF-8)",
        ),
        (
            "Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\", Basic realm=\"simple\"",
            "newauth(realm=apps|type=1|title=Login to \"apps\") basic(realm=simple)",
        ),
        ("Negotiate", "negotiate()"),
        (
            "Negotiate, NTLM, Basic realm=x",
            "negotiate() ntlm() basic(realm=x)",
        ),
        ("NTLM dG9r/ZW4+==", "ntlm(<dG9r/ZW4+==>)"),
        (
            "NTLM abc, Digest nonce=\"n\"",
            "ntlm(<abc>) digest(nonce=n)",
        ),
        (
            " , Basic\t realm = \"x\" ,, stale=TRUE,",
            "basic(realm=x|stale=TRUE)",
        ),
        (
            "Digest realm=no quotes here, nonce=1",
            "digest(realm=no) quotes(<here>|nonce=1)",
        ),
        (
            "Digest realm=\"open, nonce=\"x",
            "digest(realm=open, nonce=) x()",
        ),
        ("Digest realm=\"open", "digest()"),
        (
            "Digest qop=\"auth,auth-int\", algorithm=SHA-256",
            "digest(qop=auth,auth-int|algorithm=SHA-256)",
        ),
        ("Basic realm=", "basic(realm=)"),
        ("realm=x", "realm()"),
        ("=", ""),
        ("", ""),
        (
            "Basic realm=\"x\" Digest nonce=y",
            "basic(realm=x) digest(nonce=y)",
        ),
    ] {
        assert_eq!(shown(value), read, "{value}");
    }
    let one = parse(b"Digest Realm=a, realm=b");
    assert_eq!(one[0].parameter("realm"), Some(&b"a"[..]));
    assert_eq!(one[0].text("realm"), Some("a"));
    assert_eq!(one[0].parameter("nonce"), None);
}

#[test]
fn there_are_bounds() {
    let many = "a,".repeat(1000);
    assert_eq!(parse(many.as_bytes()).len(), MOST_CHALLENGES);
    let many = format!("Digest {}", "a=b,".repeat(1000));
    assert_eq!(parse(many.as_bytes())[0].parameters.len(), MOST_PARAMETERS);
    assert_eq!(
        parameters("a=b,".repeat(1000).as_bytes()).len(),
        MOST_PARAMETERS
    );
}

#[test]
fn parameters_alone_are_read() {
    let found = parameters(b"qop=auth, rspauth=\"ab\", nextnonce=\"x\"");
    assert_eq!(found.len(), 3);
    assert_eq!(found[2], ("nextnonce".to_owned(), b"x".to_vec()));
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes: Vec<u8>, text in "[a-z=,\"\\\\ \t]{0,60}") {
        parse(&bytes);
        parse(text.as_bytes());
        parameters(text.as_bytes());
    }
}
