//! Who is let into a broker: users, tokens, nkeys, and credentials (a JWT and its seed) that an operator has signed.

use std::path::PathBuf;

use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde_json::{Value, json};
use sockeye::Kind;
use sockeye::work::nats::Access;
use sockeye_testkit::peers::NatsServer;
use sockeye_testkit::within;

/// Those who hold this may do all, those who hold that may not even come in.
fn let_in(server: &NatsServer, hold: impl Fn(&mut Access, bool)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut access = Access::new(&server.url());
        hold(&mut access, true);
        let broker = access.connect().await.unwrap();
        assert!(broker.all_run_status().await.unwrap().is_empty());
        drop(broker);

        let mut others = Access::new(&server.url());
        hold(&mut others, false);
        for access in [others, Access::new(&server.url())] {
            let error = access.connect().await.unwrap_err();
            assert_eq!(error.kind(), Kind::Rejected, "{error}");
            assert!(error.hint().unwrap().contains("--creds"), "{error:?}");
        }
    });
}

#[test]
fn users_and_tokens() {
    within(|| {
        let account = "accounts { A { jetstream: enabled, users: [{ user: u, password: p }] } }";
        if let Some(server) = NatsServer::configured(account) {
            let_in(&server, |access, good| {
                access.user = Some(("u".into(), if good { "p" } else { "q" }.into()));
            });
        }
        if let Some(server) = NatsServer::configured("authorization { token: open }") {
            let_in(&server, |access, good| {
                access.token = Some(if good { "open" } else { "sesame" }.into());
            });
        }
    });
}

#[test]
fn nkeys_in_files() {
    within(|| {
        let (ours, others) = (KeyPair::new_user(), KeyPair::new_user());
        let config = format!(
            "accounts {{ A {{ jetstream: enabled, users: [{{ nkey: {} }}] }} }}",
            ours.public_key()
        );
        let Some(server) = NatsServer::configured(&config) else {
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, key: &KeyPair| -> PathBuf {
            let path = dir.path().join(name);
            std::fs::write(&path, key.seed().unwrap() + "\n").unwrap();
            path
        };
        let (ours, others) = (file("ours", &ours), file("others", &others));
        let_in(&server, |access, good| {
            access.nkey = Some(if good { &ours } else { &others }.clone());
        });
    });
}

#[test]
fn credentials_that_an_operator_has_signed() {
    within(|| {
        let (operator, system, account) = (
            KeyPair::new_operator(),
            KeyPair::new_account(),
            KeyPair::new_account(),
        );
        let signed = |of: &KeyPair, by: &KeyPair, name: &str, nats: Value| {
            let claims = json!({
                "jti": name, "iat": 1_700_000_000, "name": name, "nats": nats,
                "iss": by.public_key(), "sub": of.public_key(),
            });
            let head = json!({"typ": "JWT", "alg": "ed25519-nkey"});
            let parts = [head, claims].map(|it| BASE64URL_NOPAD.encode(it.to_string().as_bytes()));
            let text = parts.join(".");
            let signature = by.sign(text.as_bytes()).unwrap();
            format!("{text}.{}", BASE64URL_NOPAD.encode(&signature))
        };
        let bounds = |room: i64| {
            json!({
                "type": "account", "version": 2,
                "limits": {
                    "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
                    "leaf": -1, "mem_storage": room, "disk_storage": room, "streams": room, "consumer": room,
                },
            })
        };
        let kind = json!({"type": "operator", "version": 2});
        let config = format!(
            "operator: \"{}\"\nsystem_account: {system}\nresolver: MEMORY\n\
             resolver_preload: {{ {system}: \"{}\", {}: \"{}\" }}",
            signed(&operator, &operator, "operator", kind),
            signed(&system, &operator, "system", bounds(0)),
            account.public_key(),
            signed(&account, &operator, "account", bounds(-1)),
            system = system.public_key(),
        );
        let Some(server) = NatsServer::configured(&config) else {
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        // Whom a stranger vouches for is nobody.
        let file = |name: &str, by: &KeyPair| -> PathBuf {
            let user = KeyPair::new_user();
            let may = json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1, "pub": {}, "sub": {}});
            let text = format!(
                "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
                 -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
                signed(&user, by, name, may),
                user.seed().unwrap()
            );
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (ours, others) = (
            file("ours", &account),
            file("others", &KeyPair::new_account()),
        );
        let_in(&server, |access, good| {
            access.creds = Some(if good { &ours } else { &others }.clone());
        });
    });
}
