//! `sockeye sockets --json` and `--csv`: types, the published schema, and names that are no text.

use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use serde_json::Value;
use sockeye_testkit::{Output, Program, peers, temporary_dir, within};

use crate::output_of;
use crate::sockets::{python, sockets};

/// Check a value against a part of the schema, as far as our schema goes.
pub(crate) fn check(schema: &Value, part: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(reference) = part["$ref"].as_str() {
        let name = reference.strip_prefix("#/$defs/").unwrap();
        return check(schema, &schema["$defs"][name], value, at);
    }
    if let Some(choices) = part["oneOf"].as_array() {
        let tried = choices.iter().map(|part| check(schema, part, value, at));
        let failed: Vec<String> = tried.filter_map(Result::err).collect();
        return match choices.len() - failed.len() {
            1 => Ok(()),
            n => Err(format!("{at}: {n} choices fit {value}: {failed:#?}")),
        };
    }
    if part.get("const").is_some_and(|expected| expected != value) {
        return Err(format!("{at}: {value} is not {}", part["const"]));
    }
    if let Some(allowed) = part["enum"].as_array()
        && !allowed.contains(value)
    {
        return Err(format!("{at}: {value} is none of {allowed:?}"));
    }
    let types: Vec<&str> = match &part["type"] {
        Value::Null => Vec::new(),
        Value::Array(types) => types.iter().map(|t| t.as_str().unwrap()).collect(),
        one => vec![one.as_str().unwrap()],
    };
    let is = |name: &&str| match *name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("the schema has a type that the test does not know: {other}"),
    };
    let small = value
        .as_f64()
        .is_some_and(|v| part["minimum"].as_f64().is_some_and(|m| v < m));
    if !types.is_empty() && !types.iter().any(is) || small {
        return Err(format!("{at}: {value} does not fit {part}"));
    }
    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
        check(schema, &part["items"], item, &format!("{at}[{i}]"))?;
    }
    for key in part["required"].as_array().into_iter().flatten() {
        if value.get(key.as_str().unwrap()).is_none() {
            return Err(format!("{at}: {key} is missing in {value}"));
        }
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        let Some(part) = part["properties"].get(key) else {
            if part["additionalProperties"] == true {
                continue;
            }
            return Err(format!("{at}: {key} is not in the schema"));
        };
        check(schema, part, value, &format!("{at}.{key}"))?;
    }
    Ok(())
}

/// A published schema; what it refers to in that of sockets becomes a part of it.
pub(crate) fn schema(name: &str) -> Value {
    let read = |name: &str| {
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/");
        let text = std::fs::read_to_string(format!("{docs}{name}")).unwrap();
        let text = text.replace("sockets.schema.json#/", "#/");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let mut schema = read(name);
    let sockets = read("sockets.schema.json");
    let definitions = schema["$defs"].as_object_mut().unwrap();
    for (name, part) in sockets["$defs"].as_object().unwrap() {
        definitions.entry(name).or_insert_with(|| part.clone());
    }
    schema
}

/// Check a line against the part of this schema that has the name of its type.
#[track_caller]
pub(crate) fn obeys(schema: &Value, line: &Value) {
    let kind = line["type"].as_str().unwrap();
    check(schema, &schema["$defs"][kind], line, kind).unwrap();
}

/// Each line of standard output, checked against the schema.
pub(crate) fn lines(output: &Output) -> Vec<Value> {
    let schema = schema("sockets.schema.json");
    let lines = crate::json_lines(&output.stdout);
    for line in &lines {
        obeys(&schema, line);
    }
    lines
}

#[test]
fn every_socket_of_this_machine_obeys_the_schema() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let output = sockets(&["-a", "--wide", "--json", "--limit", "500"]);
        let all = lines(&output);
        assert!(all.len() >= 3, "{}", output.stdout_text());
        assert_eq!(output.code, Some(0), "{output:?}");
    });
}

#[test]
fn numbers_are_numbers_a_cookie_is_text_and_what_is_unknown_is_null() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let output = sockets(&["-l", "--port", &port.to_string(), "--json"]);
        let all = lines(&output);
        let [line] = &all[..] else {
            panic!("{output:?}");
        };
        assert_eq!(line["schema"], 1);
        assert_eq!(line["local"]["port"], port);
        assert_eq!(line["local"]["ip"], "127.0.0.1");
        assert_eq!(line["peer"], Value::Null);
        assert!(line["cookie"].as_str().unwrap().parse::<u64>().is_ok());
        assert_eq!(line["accept_queue"]["limit"], 128);
        assert_eq!(line["tcp"], Value::Null);
        // (A test beside this one may just start a program: for a moment its child holds our sockets too.)
        let owner = &line["owners"][0];
        assert_eq!(owner["pid"], std::process::id());
        assert!(owner["fd"].is_u64());
        assert_eq!(line["owner_missing"], Value::Null);
    });
}

#[test]
fn an_empty_list_has_no_lines() {
    within(|| {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port().to_string();
        drop(free);
        let output = sockets(&["-l", "--port", &port, "--json"]);
        assert_eq!((output.stdout_text().as_str(), output.code), ("", Some(1)));
    });
}

#[test]
fn an_ipv4_client_of_an_ipv6_server_is_ipv4_in_both_forms() {
    within(|| {
        let Ok(listener) = TcpListener::bind("[::]:0") else {
            return;
        };
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let peer = client.local_addr().unwrap().port().to_string();
        let output = sockets(&["-t", "--port", &peer, "--json"]);
        let all = lines(&output);
        let served = all
            .iter()
            .find(|line| line["local"]["port"] == port)
            .unwrap();
        assert_eq!(served["family"], "ipv6");
        assert_eq!(served["local"]["ip"], "127.0.0.1");
        assert_eq!(served["local"]["mapped"], "::ffff:127.0.0.1");
        let text = sockets(&["-t", "--port", &peer, "-H", "-4"]).stdout_text();
        assert!(text.contains(&format!("127.0.0.1:{port} (v6)")), "{text}");
        assert!(!text.contains("::ffff"), "{text}");
        assert_eq!(sockets(&["-t", "--port", &peer, "-6"]).code, Some(1));
        drop(accepted);
    });
}

#[test]
fn names_that_are_no_text_are_exact_in_json_and_harmless_in_the_table() {
    within(|| {
        let dir = temporary_dir();
        let odd = b"tab\tblank line\n\xff\x1b[2J";
        let path = {
            use std::os::unix::ffi::OsStrExt;
            dir.path().join(std::ffi::OsStr::from_bytes(odd))
        };
        let _at_path = UnixListener::bind(&path).unwrap();
        let name = format!("sockeye {} \n\x1b]0;x\x07", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let _abstract = UnixListener::bind_addr(&address).unwrap();
        let output = sockets(&["-xl", "--json"]);
        let all = lines(&output);
        let found = |key: &str, wanted: &str| {
            let mut of = all.iter().filter(|line| line["local"][key] == wanted);
            of.next()
                .unwrap_or_else(|| panic!("{wanted:?}: {all:#?}"))
                .clone()
        };
        found("name", &name);
        let bytes = path.as_os_str().as_encoded_bytes();
        found("path_base64", &data_encoding::BASE64.encode(bytes));
        let text = sockets(&["-xl"]).stdout_text();
        assert!(!text.contains(['\x1b', '\x07', '\t']), "{text:?}");
        assert!(text.contains(r"tab\tblank line\n\xff\x1b[2J"), "{text}");
        let rows = text
            .lines()
            .filter(|line| line.contains("sockeye "))
            .count();
        assert!(rows >= 1, "{text}");
    });
}

#[test]
fn a_command_that_calls_itself_anything_is_named_exactly() {
    let script = "import ctypes, os, socket\n\
        ctypes.CDLL(None).prctl(15, b'ev) il x')\n\
        s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(7)\n\
        print('ready', s.getsockname()[1], flush=True); os.read(0, 1)";
    let Some((program, ports)) = python(script) else {
        return;
    };
    within(move || {
        let port = ports[0].to_string();
        let all = lines(&sockets(&["-l", "--port", &port, "--json"]));
        assert_eq!(all[0]["owners"][0]["name"], "ev) il x");
        assert_eq!(all[0]["owners"][0]["pid"], program.pid());
        assert_eq!(all[0]["accept_queue"]["limit"], 7);
        let text = sockets(&["-l", "--port", &port, "-H"]).stdout_text();
        assert!(
            text.ends_with(&format!("ev) il x {}\n", program.pid())),
            "{text}"
        );
    });
}

#[test]
fn csv_is_read_back_by_a_foreign_reader() {
    let Some(python3) = peers::python3() else {
        return;
    };
    within(move || {
        let name = format!("a,\"b\",{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let _listener = UnixListener::bind_addr(&address).unwrap();
        let csv = sockets(&["-xl", "--csv"]).stdout;
        assert!(csv.starts_with(b"protocol,state,queue,local,peer,user,unit,owner\r\n"));
        let script = "import csv, io, sys\n\
            rows = list(csv.DictReader(io.StringIO(sys.stdin.read(), newline='')))\n\
            print([r['local'] for r in rows if r['local'].startswith('@a,')][0])\n\
            print(all(len(r) == 8 and None not in r for r in rows))";
        let mut reader = Program::start(python3, ["-c", script]);
        reader.write(&csv);
        let read = reader.finish();
        assert_eq!(read.stdout_text(), format!("@{name}\nTrue\n"), "{read:?}");
    });
}

#[test]
fn forms_that_exclude_each_other_are_refused() {
    within(|| {
        for (flags, word) in [
            (&["--pid", "init"][..], "--pid: \"init\" is no whole number"),
            (&["tcp and ( udp"], "not closed; write ) where it ends"),
            (
                &["--json", "--csv"][..],
                "--json and --csv exclude each other",
            ),
            (
                &["--json", "--format", "{pid}"],
                "--json and --format exclude",
            ),
            (&["--csv", "--format", "{pid}"], "cannot be used with"),
            (
                &["--format", "{pidd}"],
                "there is no column \"pidd\"; there are protocol, state",
            ),
            (&["--sort", "colour"], "there is no column \"colour\""),
            (
                &["--state", "open"],
                "\"open\" is not a state; there are established,",
            ),
            (&["--port", "70000"], "70000 is not a port"),
            (&["--yes"], "required"),
            (&["--timeout", "1s"], "required"),
            (&["--stop", "80", "--pid", "7"], "cannot be used with"),
            (&["--close", "--csv"], "cannot be used with"),
            (&["--who", "1-2", "--state", "all"], "cannot be used with"),
            (
                &["--assert", "none listening", "--verdicts"],
                "cannot be used with",
            ),
            (&["--port", "htpt"], "did you mean \"http\"?"),
        ] {
            let output = sockets(flags);
            assert!(output.stderr_text().contains(word), "{flags:?}: {output:?}");
            assert_eq!(output.code, Some(2), "{flags:?}");
        }
        let help = output_of(crate::SOCKEYE, &["sockets", "--help"]);
        assert!(String::from_utf8_lossy(&help).contains("Which sockets:"));
    });
}
