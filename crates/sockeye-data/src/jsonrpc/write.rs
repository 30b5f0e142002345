//! Messages as bytes, each on one line without a newline at its end.

use crate::json;
use crate::value::Value;

use super::{ErrorObject, Id};

const VERSION: &[u8] = b"{\"jsonrpc\":\"2.0\",";

/// Append a call, or a notification if it has no id.
///
/// ```
/// use sockeye_data::jsonrpc::{Id, write_request};
/// use sockeye_data::value::Value;
///
/// let mut out = Vec::new();
/// write_request(Some(&Id::from(1)), "subtract", Some(&Value::array(vec![42.into(), 23.into()])), &mut out);
/// assert_eq!(out, br#"{"jsonrpc":"2.0","method":"subtract","params":[42,23],"id":1}"#);
/// ```
pub fn write_request(id: Option<&Id>, method: &str, params: Option<&Value>, out: &mut Vec<u8>) {
    out.extend_from_slice(VERSION);
    out.extend_from_slice(b"\"method\":");
    json::write_text(method, false, out);
    if let Some(params) = params {
        out.extend_from_slice(b",\"params\":");
        json::write(params, out);
    }
    match id {
        Some(id) => write_id(id, out),
        None => out.push(b'}'),
    }
}

/// Append the answer to a call that worked.
pub fn write_result(id: &Id, result: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(VERSION);
    out.extend_from_slice(b"\"result\":");
    json::write(result, out);
    write_id(id, out);
}

/// Append the answer to a call that did not work.
pub fn write_error(id: &Id, error: &ErrorObject, out: &mut Vec<u8>) {
    out.extend_from_slice(VERSION);
    out.extend_from_slice(b"\"error\":{\"code\":");
    json::write(&error.code.into(), out);
    out.extend_from_slice(b",\"message\":");
    json::write_text(&error.message, false, out);
    if let Some(data) = &error.data {
        out.extend_from_slice(b",\"data\":");
        json::write(data, out);
    }
    out.push(b'}');
    write_id(id, out);
}

fn write_id(id: &Id, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"id\":");
    out.extend_from_slice(id.as_json().as_bytes());
    out.push(b'}');
}
