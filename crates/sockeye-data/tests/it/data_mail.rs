//! `mail` beside official suites and other programs.

use sockeye_data::json;
use sockeye_data::mail::{parse, to_vec};
use sockeye_data::value::Value;
use sockeye_testkit::{Program, peers, within};

/// Makes messages, says what they are; then reads ours.
const PYTHON: &str = r#"
import base64, email, email.policy, json, sys
from email.message import EmailMessage
from email.headerregistry import Address

def told(m):
    text, html, files = None, None, []
    for p in m.walk():
        if p.is_multipart(): continue
        kind, disposition = p.get_content_type(), p.get_content_disposition()
        if kind == 'text/plain' and not p.get_filename() and text is None: text = p.get_content().replace('\r\n', '\n')
        elif kind == 'text/html' and not p.get_filename() and html is None: html = p.get_content().replace('\r\n', '\n')
        else: files.append([p.get_filename(), kind, base64.b64encode(p.get_payload(decode=True)).decode()])
    people = lambda n: [[a.display_name or None, a.addr_spec] for h in m.get_all(n, []) for a in h.addresses]
    return {'subject': str(m['subject']) if m['subject'] is not None else None, 'from': people('from'), 'to': people('to'),
            'date': m['date'].datetime.isoformat() if m['date'] else None, 'text': text, 'html': html, 'files': files}

def made():
    names = ['Plain', 'Jörg Müller', 'Ünï Q. Code', 'O, C', '日本語', "a'b (c)"]
    texts = ['short\n', 'Grüße € \U0001f600\n' * 5, 'x' * 300 + '\n', 'From here\n.\nend \n', '']
    for i in range(60):
        m = EmailMessage(policy=email.policy.SMTP)
        m['Subject'] = ['plain', 'Ä' * 80, 'mixed ünd plain' + ' ünd' * 20, 'x' * 200, 'a=?b?= c'][i % 5]
        m['From'] = Address(names[i % 6], 'a%d' % i, 'example.org')
        # Where several names beyond ASCII are folded, Python makes words of the commas between them.
        m['To'] = [Address(names[i % 6] if k == 0 else 'Plain, too', 'b%d' % k, 'example.net') for k in range(i % 4 + 1)]
        m['Date'] = 'Thu, 26 Nov 2026 %02d:48:13 %+03d30' % (i % 24, i % 12 - 6)
        m.set_content(texts[i % 5], charset=['utf-8', 'utf-16', 'utf-8'][i % 3] if i % 5 != 2 else 'utf-8', cte=['base64', 'quoted-printable'][i % 2] if i % 3 == 1 else None)
        if i % 2: m.add_alternative('<p>%s</p>\n' % texts[i % 5], subtype='html')
        if i % 3: m.add_attachment(bytes(range(256)) * (i % 7), maintype='application', subtype='pdf', filename=['a.pdf', 'ü€.pdf', 'x' * 90 + '.pdf', 'q"\\.pdf'][i % 4])
        yield m.as_bytes()

nasty = [
    b'From: a@b\nSubject: caf\xc3\xa9\nTo: x: a@b, c@d;\n\nbody\n',
    b'Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\ncaf\xe9\n',
    b'Content-Type: multipart/mixed; boundary="b"\n\n--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n',
    b'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=bb\n\n--bb\n\nin\n--bb--\n--b\nContent-Type: image/png; name*0="a"; name*1=".png"\nContent-Transfer-Encoding: base64\n\nAAEC\n--b--\n',
    b'Content-Type: text/plain; format=flowed\n\nsoft \nline\n',
    b'Content-Type: application/x; name*=utf-8\'\'%e2%82%ac.x\nContent-Disposition: attachment\n\nx',
    b'Subject: =?utf-8?q?a?= =?utf-8?b?w6Q=?=\n =?utf-8?q?_b?=\n\n',
]
messages = list(made()) + nasty
if sys.argv[1] == 'make':
    print(json.dumps([[base64.b64encode(b).decode(), told(email.message_from_bytes(b, policy=email.policy.default))] for b in messages]))
else:
    print(json.dumps([told(email.message_from_bytes(base64.b64decode(b), policy=email.policy.default)) for b in json.load(sys.stdin)]))
"#;

fn ask(python: &std::path::Path, what: &str, input: &str) -> Value {
    let mut program = Program::start(python, ["-c", PYTHON, what]);
    program.write(input);
    let output = program.finish();
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    json::parse(&output.stdout).unwrap()
}

/// What we read, in the form of what Python tells.
fn told(message: &Value) -> Value {
    let of = |name: &str| message.get(name).cloned().unwrap_or_default();
    let people = |name: &str| {
        let people = of(name);
        let one = |person: &Value| {
            Value::array(vec![
                person.get("name").cloned().unwrap_or_default(),
                person.get("address").cloned().unwrap_or_default(),
            ])
        };
        Value::array(
            people
                .as_array()
                .unwrap_or_default()
                .iter()
                .map(one)
                .collect(),
        )
    };
    let attachments = of("attachments");
    let files = attachments
        .as_array()
        .unwrap_or_default()
        .iter()
        .map(|file| {
            let content = match file.get("content") {
                Some(Value::Bytes(bytes)) => data_encoding::BASE64.encode(bytes).into(),
                other => other.cloned().unwrap_or_default(),
            };
            Value::array(vec![
                file.get("filename").cloned().unwrap_or_default(),
                file.get("type").cloned().unwrap_or_default(),
                content,
            ])
        });
    let files = Value::array(files.collect());
    let date = match of("date").as_str() {
        Some(date) => date.replace('Z', "+00:00").into(),
        None => Value::Null,
    };
    [
        ("subject", of("subject")),
        ("from", people("from")),
        ("to", people("to")),
        ("date", date),
        ("text", of("text")),
        ("html", of("html")),
        ("files", files),
    ]
    .into_iter()
    .map(|(name, value)| (name.into(), value))
    .collect::<sockeye_data::value::Object>()
    .into()
}

#[test]
fn messages_are_those_that_python_reads_both_ways() {
    let Some(python) = peers::python_with(&["email"]) else {
        return;
    };
    within(move || {
        let made = ask(&python, "make", "");
        let (mut ours, mut wrong) = (Vec::new(), Vec::new());
        for (number, pair) in made.as_array().unwrap().iter().enumerate() {
            let pair = pair.as_array().unwrap();
            let bytes = data_encoding::BASE64
                .decode(pair[0].as_str().unwrap().as_bytes())
                .unwrap();
            let record = parse(&bytes).unwrap();
            if told(&record) != pair[1] {
                wrong.push(format!(
                    "{number} read\n{}\n{}",
                    json::to_string(&told(&record)),
                    json::to_string(&pair[1])
                ));
            }
            ours.push(record);
        }
        let written = ours.iter().map(|record| {
            data_encoding::BASE64
                .encode(&to_vec(record).unwrap())
                .into()
        });
        let written = json::to_string(&Value::array(written.collect()));
        let read = ask(&python, "read", &written);
        for (number, (record, read)) in ours.iter().zip(read.as_array().unwrap()).enumerate() {
            if told(record) != *read {
                wrong.push(format!(
                    "{number} written\n{}\n{}",
                    json::to_string(&told(record)),
                    json::to_string(read)
                ));
            }
        }
        println!("{} messages, {} differences", ours.len(), wrong.len());
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}
