//! The cases of XML-RPC (xmlrpc.com/spec, and what its extensions for introspection and `system.multicall` say).

use sockeye::data::value::{Object, Value};
use sockeye::data::xmlrpc::{self, ReadOptions, WriteOptions};
use sockeye::{Error, Kind, Operation, Result};

use super::verdict::{Case, Verdict};
use crate::commands::rpc::carry::Reply;

/// A method that nobody has.
const METHOD: &str = "sockeye.check.no.such.method";

/// What has to come back.
#[derive(Clone, Copy)]
enum Want {
    /// A fault, with status 200.
    Fault,
    /// A fault, or a status that says no.
    Refusal,
    /// An answer with its length and its media type.
    Header,
    /// A list of names, from servers that tell.
    Names,
    /// A text, from servers that tell.
    Text,
    /// Anything but a fault, from servers that tell.
    Told,
    /// A list of so many faults, from servers that take several calls at once.
    Faults(usize),
    /// A value.
    Result,
    /// A list of one value in a list of its own.
    Wrapped,
}

/// All cases; with a method and its parameters, those with it too.
///
/// # Errors
///
/// If XML-RPC cannot say the parameters.
pub(super) fn cases(method: Option<(&str, &[Value])>) -> Result<Vec<Case>> {
    let mut cases = documents();
    let sent = |method: &str, params: &[Value]| {
        xmlrpc::write_call(method, params, &WriteOptions::default())
            .map_err(|error| Error::new(Kind::Usage, Operation::Parse, error.to_string()))
    };
    let call = |method: &str, params: &[Value]| -> Value {
        Object::from_iter([
            ("methodName".into(), method.into()),
            ("params".into(), Value::array(params.to_vec())),
        ])
        .into()
    };
    let several = |calls: Vec<Value>| sent("system.multicall", &[Value::array(calls)]);
    let unknown = call(METHOD, &[]);
    let nested = call("system.multicall", &[Value::array(vec![unknown.clone()])]);
    let lister = [Value::from("system.listMethods")];
    for (name, section, document, want) in [
        (
            "list-methods",
            "introspection",
            sent("system.listMethods", &[])?,
            Want::Names,
        ),
        (
            "method-help",
            "introspection",
            sent("system.methodHelp", &lister)?,
            Want::Text,
        ),
        (
            "method-signature",
            "introspection",
            sent("system.methodSignature", &lister)?,
            Want::Told,
        ),
        (
            "multicall",
            "multicall",
            several(vec![unknown.clone(), unknown])?,
            Want::Faults(2),
        ),
        (
            "multicall-of-nothing",
            "multicall",
            several(Vec::new())?,
            Want::Faults(0),
        ),
        (
            "multicall-in-multicall",
            "multicall",
            several(vec![nested])?,
            Want::Faults(1),
        ),
    ] {
        cases.push(case(name, section, document, want));
    }
    if let Some((method, params)) = method {
        cases.push(case(
            "method-result",
            "response",
            sent(method, params)?,
            Want::Result,
        ));
        let multicall = several(vec![call(method, params)])?;
        cases.push(case(
            "method-in-multicall",
            "multicall",
            multicall,
            Want::Wrapped,
        ));
    }
    let last = with_params("");
    cases.push(case(
        "answers-after-all-that",
        "fault",
        last.into_bytes(),
        Want::Fault,
    ));
    Ok(cases)
}

/// Cases that are documents, as they are written.
fn documents() -> Vec<Case> {
    let param = |value: &str| with_params(&format!("<param><value>{value}</value></param>"));
    let deep = format!(
        "{}{}",
        "<array><data><value>".repeat(1_000),
        "</value></data></array>".repeat(1_000)
    );
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]>";
    let rows: Vec<(&str, &str, String, Want)> = vec![
        ("unknown-method", "fault", with_params(""), Want::Fault),
        ("response-header", "response", with_params(""), Want::Header),
        (
            "no-params",
            "request",
            format!("<methodCall><methodName>{METHOD}</methodName></methodCall>"),
            Want::Fault,
        ),
        ("int", "scalars", param("<int>-12</int>"), Want::Fault),
        ("i4", "scalars", param("<i4>2147483647</i4>"), Want::Fault),
        (
            "boolean",
            "scalars",
            param("<boolean>1</boolean>"),
            Want::Fault,
        ),
        (
            "string",
            "scalars",
            param("<string>a &lt; &#246; &amp; b</string>"),
            Want::Fault,
        ),
        (
            "string-without-type",
            "scalars",
            param(" blanks "),
            Want::Fault,
        ),
        (
            "double",
            "scalars",
            param("<double>-12.53</double>"),
            Want::Fault,
        ),
        (
            "date",
            "scalars",
            param("<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>"),
            Want::Fault,
        ),
        (
            "base64",
            "scalars",
            param("<base64>eW91IGNhbid0\nIHJlYWQgdGhpcyE=</base64>"),
            Want::Fault,
        ),
        (
            "struct",
            "structs",
            param("<struct><member><name>a</name><value><i4>18</i4></value></member></struct>"),
            Want::Fault,
        ),
        (
            "array",
            "arrays",
            param("<array><data><value><i4>12</i4></value><value>x</value></data></array>"),
            Want::Fault,
        ),
        (
            "empty-array",
            "arrays",
            param("<array><data></data></array>"),
            Want::Fault,
        ),
        (
            "cdata",
            "request",
            param("<string><![CDATA[<&]]></string>"),
            Want::Fault,
        ),
        (
            "declared-encoding",
            "request",
            format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{}", param("ö")),
            Want::Fault,
        ),
        (
            "no-xml",
            "request",
            "this is no XML".to_owned(),
            Want::Refusal,
        ),
        (
            "not-closed",
            "request",
            format!("<methodCall><methodName>{METHOD}</methodName>"),
            Want::Refusal,
        ),
        ("empty-body", "request", " ".to_owned(), Want::Refusal),
        (
            "no-method-name",
            "request",
            "<methodCall><params></params></methodCall>".to_owned(),
            Want::Refusal,
        ),
        (
            "no-number",
            "scalars",
            param("<int>twelve</int>"),
            Want::Refusal,
        ),
        (
            "no-boolean",
            "scalars",
            param("<boolean>2</boolean>"),
            Want::Refusal,
        ),
        (
            "declared-entities",
            "-",
            format!("{bomb}{}", param("&c;")),
            Want::Refusal,
        ),
        ("nested-1000-deep", "-", param(&deep), Want::Refusal),
    ];
    rows.into_iter()
        .map(|(name, section, document, want)| case(name, section, document.into_bytes(), want))
        .collect()
}

fn with_params(params: &str) -> String {
    format!("<methodCall><methodName>{METHOD}</methodName><params>{params}</params></methodCall>")
}

fn case(name: &'static str, section: &'static str, sent: Vec<u8>, want: Want) -> Case {
    Case {
        name,
        section,
        sent,
        expected: want.words(),
        silent: false,
        judge: Box::new(move |reply| want.judge(reply).unwrap_or_else(Verdict::Violation)),
    }
}

impl Want {
    fn words(self) -> String {
        match self {
            Self::Fault => "a fault, status 200".into(),
            Self::Refusal => "a fault, or a status from 400".into(),
            Self::Header => "text/xml, a length".into(),
            Self::Names => "names".into(),
            Self::Text => "text".into(),
            Self::Told => "a value".into(),
            Self::Faults(count) => format!("a list of {count} faults"),
            Self::Result => "a value".into(),
            Self::Wrapped => "[[a value]]".into(),
        }
    }

    /// An error is what is wrong.
    fn judge(self, reply: &Reply) -> std::result::Result<Verdict, String> {
        match (self, reply.status) {
            (Self::Refusal, Some(status @ 400..)) => {
                return Ok(Verdict::Noted(format!("refused with status {status}")));
            }
            (_, Some(200)) => {}
            (_, Some(status)) => return Err(format!("the status is {status}")),
            (_, None) => return Err("there is no answer".to_owned()),
        }
        if let Self::Header = self {
            return header(reply);
        }
        let answer = xmlrpc::parse_answer(&reply.body, &ReadOptions::default())
            .map_err(|error| format!("the answer is no XML-RPC: {error}"))?;
        match (self, answer) {
            (Self::Fault | Self::Refusal, Err(_)) => Ok(Verdict::Ok),
            (Self::Fault | Self::Refusal, Ok(_)) => Err("it was not refused".to_owned()),
            (Self::Result, Err(fault)) => Err(format!("there is a fault: {}", fault.message)),
            (_, Err(fault)) => Ok(Verdict::NotApplicable(format!(
                "the server does not have it: {}",
                fault.message
            ))),
            (_, Ok(value)) => self.judge_value(&value).map(|()| Verdict::Ok),
        }
    }

    fn judge_value(self, value: &Value) -> std::result::Result<(), String> {
        let is_right = match self {
            Self::Names => value
                .as_array()
                .is_some_and(|names| names.iter().all(|name| name.as_str().is_some())),
            Self::Text => value.as_str().is_some(),
            Self::Faults(count) => value
                .as_array()
                .is_some_and(|items| items.len() == count && items.iter().all(is_fault)),
            Self::Wrapped => value
                .as_array()
                .is_some_and(|items| matches!(items, [Value::Array(inner)] if inner.len() == 1)),
            _ => true,
        };
        match is_right {
            true => Ok(()),
            false => Err("it is something else".to_owned()),
        }
    }
}

fn header(reply: &Reply) -> std::result::Result<Verdict, String> {
    let media_type = reply.media_type.as_deref().unwrap_or("none");
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("text/xml") {
        return Err(format!("the media type is {media_type}"));
    }
    match reply.length {
        Some(_) => Ok(Verdict::Ok),
        None => Err("Content-Length is missing".to_owned()),
    }
}

/// A fault within the answers of `system.multicall`.
fn is_fault(item: &Value) -> bool {
    let code = item.get("faultCode").and_then(Value::as_i64);
    code.is_some() && item.get("faultString").and_then(Value::as_str).is_some()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn judged(want: Want, status: u16, body: &[u8]) -> Verdict {
        let reply = Reply {
            status: Some(status),
            media_type: Some("text/xml".into()),
            length: Some(1),
            body: body.to_vec(),
            ..Reply::default()
        };
        want.judge(&reply).unwrap_or_else(Verdict::Violation)
    }

    #[test]
    fn verdicts() {
        let fault = xmlrpc::write_fault(1, "no");
        let value = |value: Value| xmlrpc::write_answer(&value, &WriteOptions::default()).unwrap();
        let seven = value(7.into());
        assert_eq!(judged(Want::Fault, 200, &fault), Verdict::Ok);
        assert_eq!(judged(Want::Header, 200, &fault), Verdict::Ok);
        assert_eq!(judged(Want::Result, 200, &seven), Verdict::Ok);
        assert!(matches!(judged(Want::Refusal, 400, b""), Verdict::Noted(_)));
        assert!(matches!(
            judged(Want::Names, 200, &fault),
            Verdict::NotApplicable(_)
        ));
        for (want, status, body) in [
            (Want::Fault, 500, &fault[..]),
            (Want::Fault, 200, &seven),
            (Want::Fault, 200, b"<html/>"),
            (Want::Refusal, 200, &seven),
            (Want::Result, 200, &fault),
            (Want::Names, 200, &seven),
            (Want::Faults(1), 200, &seven),
            (Want::Wrapped, 200, &seven),
        ] {
            assert!(matches!(judged(want, status, body), Verdict::Violation(_)));
        }
        let one = Object::from_iter([
            ("faultCode".into(), 1.into()),
            ("faultString".into(), "no".into()),
        ]);
        let faults = value(Value::array(vec![one.into()]));
        assert_eq!(judged(Want::Faults(1), 200, &faults), Verdict::Ok);
        assert!(matches!(
            judged(Want::Faults(2), 200, &faults),
            Verdict::Violation(_)
        ));
        let wrapped = value(Value::array(vec![Value::array(vec![1.into()])]));
        assert_eq!(judged(Want::Wrapped, 200, &wrapped), Verdict::Ok);
    }

    #[test]
    fn names_are_unique() {
        let cases = cases(Some(("m", &[]))).unwrap();
        let mut names: Vec<&str> = cases.iter().map(|case| case.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), cases.len());
    }
}
