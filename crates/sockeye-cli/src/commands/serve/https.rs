//! What is said over HTTP about TLS: HSTS, and where a plain client is to go instead.

use std::time::Duration;

use sockeye::Endpoint;
use sockeye::endpoint::{Carrier, HostPort, Port};
use sockeye::web::{Handler, Reply, Request, Response, Shared};

/// What a client hears that speaks plain HTTP where TLS is spoken.
pub(super) const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
Content-Length: 58\r\nConnection: close\r\n\r\nThis port speaks TLS: ask for https:// instead of http://\n";

/// A site whose answers over TLS tell browsers to come over TLS only (RFC 6797).
struct Hsts {
    site: Shared,
    value: String,
}

/// This site, with `Strict-Transport-Security` for so long.
pub(super) fn hsts(site: Shared, age: Duration) -> Shared {
    let value = format!("max-age={}", age.as_secs());
    Shared::new(Hsts { site, value })
}

impl Handler for Hsts {
    fn handle(&self, request: Request) -> Reply {
        // Over plain HTTP it must not be said (section 7.2).
        if request.client().secured.is_none() {
            request.note("hsts", || "not said over plain HTTP".into());
            return self.site.handle(request);
        }
        request.note("hsts", || format!("--hsts: {}", self.value));
        let value = self.value.clone();
        let reply = self.site.handle(request);
        reply.map(move |response| response.header("Strict-Transport-Security", value))
    }
}

/// Sends everyone to the same path over TLS.
pub(super) struct Redirect {
    port: u16,
}

impl Redirect {
    /// To whoever listens there.
    pub(super) fn to(secure: &Endpoint) -> Self {
        let port = match secure.carrier() {
            Carrier::Tcp(HostPort {
                port: Port::Number(port),
                ..
            }) => *port,
            _ => 443,
        };
        Self { port }
    }
}

impl Handler for Redirect {
    fn handle(&self, request: Request) -> Reply {
        let Some(host) = request.host() else {
            return Response::error(400, "only a request with a host can be sent elsewhere").into();
        };
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let port = match self.port {
            443 => String::new(),
            port => format!(":{port}"),
        };
        let path = match request.path() {
            "*" => "/",
            path => path,
        };
        let query = request.query().map(|query| format!("?{query}"));
        let query = query.unwrap_or_default();
        Response::redirect(308, &format!("https://{name}{port}{path}{query}")).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_plain_http_is_as_long_as_it_says() {
        let text = std::str::from_utf8(PLAIN).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(
            head.contains(&format!("Content-Length: {}", body.len())),
            "{text}"
        );
    }

    #[test]
    fn a_redirect_keeps_host_path_and_query() {
        let redirect = Redirect { port: 8443 };
        for (host, target, expected) in [
            ("here:8080", "/a%20b?c=d", "https://here:8443/a%20b?c=d"),
            ("[::1]", "/", "https://[::1]:8443/"),
            ("[::1]:80", "*", "https://[::1]:8443/"),
        ] {
            let mut request = Request::made("GET", target);
            let headers = &mut request.head_mut().headers;
            headers.replace("Host", host).expect("a host");
            let Reply::Now(response) = redirect.handle(request) else {
                panic!("it takes no time");
            };
            assert_eq!(response.status(), 308);
            assert_eq!(response.get_str("location"), Some(expected));
        }
    }
}
