//! What a program is told of the request: the meta-variables of RFC 3875 section 4.1, for CGI and WSGI alike.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sockeye_data::http1::{Headers, Version};

use crate::endpoint::{Carrier, Host, Port};
use crate::web::request::Request;

/// `SERVER_SOFTWARE`.
const SOFTWARE: &str = concat!("sockeye/", env!("CARGO_PKG_VERSION"));

/// What the request line says, decoded.
#[derive(Debug)]
pub(super) struct Names {
    /// The part of the path that names the program, `SCRIPT_NAME`.
    pub(super) script: Vec<u8>,
    /// What follows it, `PATH_INFO`.
    pub(super) info: Vec<u8>,
}

impl Names {
    /// Decode both parts of a path.
    ///
    /// # Errors
    ///
    /// Why that is no path for a program: a NUL ends strings, and `..` is a trap for programs that open what they are told.
    pub(super) fn decode(script: &str, info: &str) -> Result<Self, &'static str> {
        let decode = |part| {
            sockeye_data::percent::decode(part).map_err(|_| "a path that is not percent-encoded")
        };
        let (script, info) = (decode(script)?, decode(info)?);
        if script.contains(&0) || info.contains(&0) {
            return Err("a NUL in the path of a program");
        }
        if info.split(|&byte| byte == b'/').any(|piece| piece == b"..") {
            return Err("`..` in the path of a program");
        }
        // In one spelling: a program that makes links of it must not begin them with two slashes, which is another host.
        let mut named = Vec::with_capacity(script.len());
        for piece in super::mounts::named(&script) {
            named.push(b'/');
            named.extend_from_slice(piece);
        }
        Ok(Self {
            script: named,
            info,
        })
    }
}

/// Tell all of them. Values may have any bytes but NUL.
pub(super) fn describe(
    request: &Request,
    names: &Names,
    authorization: bool,
    mut put: impl FnMut(&str, &[u8]),
) {
    put("SERVER_SOFTWARE", SOFTWARE.as_bytes());
    put("REQUEST_METHOD", request.method().as_bytes());
    put("SCRIPT_NAME", &names.script);
    put(
        "QUERY_STRING",
        request.query().unwrap_or_default().as_bytes(),
    );
    let mut uri = request.path().as_bytes().to_vec();
    if let Some(query) = request.query() {
        uri.push(b'?');
        uri.extend_from_slice(query.as_bytes());
    }
    put("REQUEST_URI", &uri);
    server(request, &mut put);
    client(request, &mut put);
    let headers = request.headers();
    for (variable, header) in [
        ("CONTENT_TYPE", "content-type"),
        ("CONTENT_LENGTH", "content-length"),
    ] {
        // More than one length was refused by the parser unless they agree.
        if let Some(value) = headers.get(header) {
            put(variable, value);
        }
    }
    fields(headers, authorization, &mut put);
}

fn server(request: &Request, put: &mut impl FnMut(&str, &[u8])) {
    let client = request.client();
    let protocol = match (client.protocol, request.head().version) {
        ("h2", _) => "HTTP/2.0",
        (_, Version::Http11) => "HTTP/1.1",
        _ => "HTTP/1.0",
    };
    put("SERVER_PROTOCOL", protocol.as_bytes());
    let secured = client.secured.is_some();
    if secured {
        put("HTTPS", b"on");
    }
    put("REQUEST_SCHEME", if secured { b"https" } else { b"http" });
    let (host, port) = place(request);
    let meant = request.host().unwrap_or_default();
    let (meant_host, meant_port) = split_port(meant);
    let name = match is_host(meant_host) {
        true => meant_host,
        false => host.as_deref().unwrap_or("localhost"),
    };
    put("SERVER_NAME", name.as_bytes());
    // Where there is no port of ours (a Unix socket), the client's word for it.
    let port = port
        .or_else(|| meant_port?.parse().ok())
        .unwrap_or(if secured { 443 } else { 80 });
    put("SERVER_PORT", port.to_string().as_bytes());
}

/// Host and port of the listening socket, if it has such.
fn place(request: &Request) -> (Option<String>, Option<u16>) {
    let Some(endpoint) = &request.client().server else {
        return (None, None);
    };
    let Carrier::Tcp(place) = endpoint.carrier() else {
        return (None, None);
    };
    let host = match &place.host {
        Host::Name(name) => Some(name.clone()),
        Host::Ip { addr, .. } if !addr.is_unspecified() => Some(addr.to_string()),
        _ => None,
    };
    let port = match &place.port {
        Port::Number(port) => Some(*port),
        Port::Name(_) => None,
    };
    (host, port)
}

fn client(request: &Request, put: &mut impl FnMut(&str, &[u8])) {
    match request.client().address {
        Some(address) => {
            let ip = address.ip().to_string();
            put("REMOTE_ADDR", ip.as_bytes());
            put("REMOTE_HOST", ip.as_bytes());
            put("REMOTE_PORT", address.port().to_string().as_bytes());
        }
        // A client on a Unix socket; the variable must be there (RFC 3875 section 4.1.8).
        None => put("REMOTE_ADDR", b"unix:"),
    }
    if let Some(user) = request.user() {
        put("REMOTE_USER", user.as_bytes());
        let scheme = request.headers().get_str("authorization");
        let scheme = scheme.and_then(|value| value.split(' ').next());
        if let Some(scheme) = scheme {
            put("AUTH_TYPE", scheme.as_bytes());
        }
    }
}

/// The header lines as `HTTP_*` (RFC 3875 section 4.1.18), without those that are told otherwise, concern the connection
/// alone, or are traps.
fn fields(headers: &Headers, authorization: bool, put: &mut impl FnMut(&str, &[u8])) {
    let mut variable = String::with_capacity(40);
    for (index, field) in headers.iter().enumerate() {
        if !passes(field.name, authorization) {
            continue;
        }
        let same = |name: &str| name.eq_ignore_ascii_case(field.name);
        if headers.iter().take(index).any(|before| same(before.name)) {
            continue;
        }
        variable.clear();
        variable.push_str("HTTP_");
        variable.extend(field.name.chars().map(|c| match c {
            '-' => '_',
            c => c.to_ascii_uppercase(),
        }));
        if headers.iter().skip(index + 1).any(|after| same(after.name)) {
            let parts: Vec<&[u8]> = headers.all(field.name).collect();
            let between: &[u8] = match same("cookie") {
                true => b"; ",
                false => b", ",
            };
            put(&variable, &parts.join(between));
        } else {
            put(&variable, field.value);
        }
    }
}

/// Whether a program hears of a header of this name.
fn passes(name: &str, authorization: bool) -> bool {
    // `Proxy` would become HTTP_PROXY, which programs take for their own setting (CVE-2016-5385). A `_` would be taken for
    // a `-`, so that a client could forge what a proxy vouches for.
    const NOT: [&str; 6] = [
        "proxy",
        "proxy-authorization",
        "content-type",
        "content-length",
        "expect",
        "http2-settings",
    ];
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_plain
        && !NOT.iter().any(|not| name.eq_ignore_ascii_case(not))
        && !sockeye_data::cgi::is_of_the_server(name)
        && (authorization || !name.eq_ignore_ascii_case("authorization"))
}

fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        // Within brackets a colon belongs to the address.
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    }
}

fn is_host(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    !name.is_empty() && name.bytes().all(good)
}

/// The environment of a CGI program: what all programs get, the request, and where its files are.
pub(super) fn environment(
    passed: &[(OsString, OsString)],
    request: &Request,
    names: &Names,
    authorization: bool,
    files: Files<'_>,
) -> Vec<(OsString, OsString)> {
    let mut env = passed.to_vec();
    let mut put = |name: &str, value: &[u8]| {
        if !value.contains(&0) {
            env.push((name.into(), OsStr::from_bytes(value).to_owned()));
        }
    };
    put("GATEWAY_INTERFACE", b"CGI/1.1");
    describe(request, names, authorization, &mut put);
    if !names.info.is_empty() {
        put("PATH_INFO", &names.info);
    }
    if let Some(root) = files.root {
        put("DOCUMENT_ROOT", root.as_os_str().as_bytes());
        if !names.info.is_empty() {
            let mut translated = root.as_os_str().as_bytes().to_vec();
            translated.extend_from_slice(&names.info);
            put("PATH_TRANSLATED", &translated);
        }
    }
    if let Some(script) = files.script {
        put("SCRIPT_FILENAME", script.as_os_str().as_bytes());
    }
    env
}

/// The files that a program is told of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Files<'a> {
    /// The folder that is served.
    pub(super) root: Option<&'a Path>,
    /// The program itself.
    pub(super) script: Option<&'a Path>,
}

#[cfg(test)]
mod tests;
