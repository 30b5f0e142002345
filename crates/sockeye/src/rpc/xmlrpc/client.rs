//! The client: calls over kept connections, several at once by multicall, and what a server says of itself.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sockeye_data::record;
use sockeye_data::url::Url;
use sockeye_data::value::{Object, Value};
use sockeye_data::xmlrpc::{self, ReadOptions, WriteOptions};

use crate::client::http::{self, Body, Coding, Redirects, Request, Response};
use crate::error::{Error, Kind, Operation, Result};
use crate::rpc::{Answer, Call, CallError, Fault, Params};

/// The largest answer that is taken unless another bound is set, decoded: 20 MiB.
const LARGEST: usize = 20 << 20;

/// Calls the methods of one server, as Python's `ServerProxy` does. Cloning it is cheap; the clones share connections.
///
/// A request always has a length, for servers that know nothing else, and is not compressed unless that is asked for. Answers in
/// gzip, deflate, brotli or zstd are decoded. Redirects are not followed.
///
/// # Examples
///
/// ```
/// # use sockeye_testkit::{Peer, Step};
/// use sockeye::rpc::xmlrpc::Client;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let body = "<methodResponse><params><param><value><int>8</int></value></param></params></methodResponse>";
/// # let answer = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
/// # let peer = Peer::tcp([Step::until("</methodCall>\n"), Step::send(&answer)]);
/// # let url = format!("http://{}", peer.addr());
/// let client = Client::new(&url)?; // without a path it is /RPC2
/// let answer = client.call("pow", [2.into(), 3.into()]).await?;
/// assert_eq!(answer.as_i64(), Some(8));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    http: http::Client,
    url: Url,
    write: WriteOptions,
    read: ReadOptions,
    compress: Option<usize>,
    timeout: Option<Duration>,
}

impl Client {
    /// The server at this URL: `http://user:password@host:port/path`, or `https`. Without a path it is `/RPC2`.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if it is no such URL.
    pub fn new(url: &str) -> Result<Self> {
        let http = http::Client::builder().redirects(Redirects::none()).build();
        let mut read = ReadOptions::default();
        read.limits.record = LARGEST;
        Ok(Self {
            http,
            url: completed(url)?,
            write: WriteOptions::default(),
            read,
            compress: None,
            timeout: None,
        })
    }

    /// Go through this HTTP client: its TLS, proxies, secrets, observers, connections. One that follows redirects repeats the
    /// call elsewhere, or asks there with GET, which no server understands.
    #[must_use]
    pub fn http(mut self, http: http::Client) -> Self {
        self.http = http;
        self
    }

    /// Write values this way: whether null and numbers beyond 32 bits may be sent.
    #[must_use]
    pub fn write(mut self, options: WriteOptions) -> Self {
        self.write = options;
        self
    }

    /// Read values this way: whether dates keep their type. [`Limits::record`](record::Limits::record) is the largest answer,
    /// decoded; 20 MiB by default.
    #[must_use]
    pub fn read(mut self, options: ReadOptions) -> Self {
        self.read = options;
        self
    }

    /// Compress requests of more than so many bytes with gzip, which many servers do not understand, but Python's does. By
    /// default none are.
    #[must_use]
    pub fn compress_above(mut self, bytes: usize) -> Self {
        self.compress = Some(bytes);
        self
    }

    /// How long one call may take; as the HTTP client says by default, which gives up on a server that says nothing for two
    /// minutes.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Where calls go, with the path that was filled in.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Call a method, whose name may have dots, and wait for what it returns.
    ///
    /// # Errors
    ///
    /// [`CallError::Fault`] if the server says no. Else [`CallError::Failed`]: what cannot be sent is [`Kind::Usage`], a status
    /// other than 200 is [`Kind::Rejected`], an answer that is none of XML-RPC is [`Kind::Protocol`], and the errors of
    /// [`http::Client::send`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection it was sent on; whether the method was called is not known then.
    pub async fn call(&self, method: &str, params: impl Into<Params>) -> Result<Value, CallError> {
        let params = listed(params.into())?;
        let document = xmlrpc::write_call(method, &params, &self.write)
            .map_err(|error| self.unsendable(&error))?;
        let (document, media_type) = self.exchange(document).await?;
        let answer = xmlrpc::parse_answer(&document, &self.read)
            .map_err(|error| self.unreadable(&error, media_type.as_deref()))?;
        Ok(answer.map_err(|fault| Fault::new(fault.code, fault.message))?)
    }

    /// Call several methods in one request, which the server does one after the other: what each returns, in order. One that
    /// fails does not keep the others from being done. Python's server must have `register_multicall_functions`.
    ///
    /// # Errors
    ///
    /// As [`Client::call`], for the request as a whole.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::call`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use sockeye::rpc::{Call, xmlrpc::Client};
    ///
    /// # async fn example() -> Result<(), sockeye::rpc::CallError> {
    /// let client = Client::new("http://localhost:8000")?;
    /// let calls = [Call::new("add", vec![2.into(), 3.into()]), Call::new("div", vec![1.into(), 0.into()])];
    /// for answer in client.multicall(calls).await? {
    ///     match answer {
    ///         Ok(value) => println!("{value:?}"),
    ///         Err(fault) => println!("it said no: {fault}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn multicall(
        &self,
        calls: impl IntoIterator<Item = Call>,
    ) -> Result<Vec<Answer>, CallError> {
        let mut asked = Vec::new();
        for call in calls {
            let params = Value::array(listed(call.params)?);
            asked.push(Value::from(Object::from_distinct(vec![
                ("methodName".into(), call.method.into()),
                ("params".into(), params),
            ])));
        }
        let count = asked.len();
        let answers = self.call("system.multicall", [Value::array(asked)]).await?;
        let answers = answers.as_array().and_then(|answers| {
            let answers: Option<Vec<Answer>> = answers.iter().map(one_of_many).collect();
            answers.filter(|answers| answers.len() == count)
        });
        let why = "system.multicall answers something else than one array or fault for each call";
        answers.ok_or_else(|| self.broken(why).into())
    }

    /// The names of the server's methods. Python's server must have `register_introspection_functions`.
    ///
    /// # Errors
    ///
    /// As [`Client::call`].
    ///
    /// # Cancel safety
    ///
    /// As [`Client::call`].
    pub async fn list_methods(&self) -> Result<Vec<String>, CallError> {
        let names = self.call("system.listMethods", ()).await?;
        strings(&names).ok_or_else(|| {
            self.broken("system.listMethods answers something else than names")
                .into()
        })
    }

    /// What the server says that a method is for; empty if it says nothing.
    ///
    /// # Errors
    ///
    /// As [`Client::call`].
    ///
    /// # Cancel safety
    ///
    /// As [`Client::call`].
    pub async fn help(&self, method: &str) -> Result<String, CallError> {
        let help = self.call("system.methodHelp", [method.into()]).await?;
        help.as_str().map(str::to_owned).ok_or_else(|| {
            self.broken("system.methodHelp answers something else than text")
                .into()
        })
    }

    /// Which types a method takes: lists of the type it returns and those of its parameters. `None` if the server does not
    /// tell, as Python's never does.
    ///
    /// # Errors
    ///
    /// As [`Client::call`].
    ///
    /// # Cancel safety
    ///
    /// As [`Client::call`].
    pub async fn signature(&self, method: &str) -> Result<Option<Vec<Vec<String>>>, CallError> {
        let answer = self.call("system.methodSignature", [method.into()]).await?;
        let Some(signatures) = answer.as_array() else {
            return Ok(None);
        };
        let signatures: Option<Vec<_>> = signatures.iter().map(strings).collect();
        let why = "system.methodSignature answers something else than lists of types";
        signatures.map(Some).ok_or_else(|| self.broken(why).into())
    }

    /// Send this document; the answer, and the media type it claims to have.
    async fn exchange(&self, document: Vec<u8>) -> Result<(Bytes, Option<String>)> {
        let compress = self.compress.is_some_and(|least| document.len() > least);
        let mut body = Body::bytes(document).with_media_type("text/xml");
        if compress {
            body = body.compressed(Coding::Gzip)?;
        }
        let mut request = Request::new("POST", self.url.clone())?;
        request.set_body(body);
        // Python's server does not know `100 Continue`: who waits for it loses a second.
        request.set_expect(false);
        if let Some(timeout) = self.timeout {
            request.set_timeout(timeout);
        }
        let mut response = self.http.send(request).await?;
        if response.status() != 200 {
            return Err(self.refused(response).await);
        }
        let media_type = response.header("content-type").map(str::to_owned);
        let (mut pieces, mut length) = (Vec::new(), 0);
        while let Some(piece) = response.chunk().await? {
            length += piece.len();
            if length > self.read.limits.record {
                let why = format!(
                    "the answer is larger than {} bytes",
                    self.read.limits.record
                );
                return Err(self.broken(&why));
            }
            pieces.push(piece);
        }
        Ok((joined(pieces, length), media_type))
    }

    /// The status is not 200, so there is neither an answer nor a fault.
    async fn refused(&self, mut response: Response) -> Error {
        let status = response.status();
        let hint = match status {
            300..=399 => Some("the server is elsewhere: `Location` says where"),
            401 => Some("a user and a password stand in the URL: http://user:password@host"),
            404 => Some("the path of the URL leads to no XML-RPC server; /RPC2 is usual"),
            _ => None,
        };
        let reason = sockeye_data::escape::escape(&response.hop().reason);
        let why = format!("the server answers {status} {reason}");
        // A short body is read, so that the connection can be kept.
        let _ = response.read_ahead(16 << 10).await;
        let error = Error::new(Kind::Rejected, Operation::Call, why.trim_end())
            .with_status(status)
            .about(self.url.without_secrets());
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    fn unsendable(&self, error: &record::Error) -> Error {
        let made =
            Error::new(Kind::Usage, Operation::Call, error.why()).about(self.url.without_secrets());
        match error.hint() {
            Some(hint) => made.with_hint(hint),
            None => made,
        }
    }

    fn unreadable(&self, error: &record::Error, media_type: Option<&str>) -> Error {
        let made = self.broken(&format!("the answer is not XML-RPC: {error}"));
        match media_type {
            Some(it) if !it.contains("xml") => {
                let it = sockeye_data::escape::escape(it.as_bytes());
                made.with_hint(format!("the server answers {it}: is this the right path?"))
            }
            _ => made,
        }
    }

    /// The server breaks the rules.
    fn broken(&self, why: &str) -> Error {
        Error::new(Kind::Protocol, Operation::Call, why).about(self.url.without_secrets())
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = self.url.without_secrets().to_secret_string();
        f.debug_struct("Client")
            .field("url", &url)
            .finish_non_exhaustive()
    }
}

/// The pieces of a body behind each other, in no more memory than they need: a buffer that grows takes up to three times that.
fn joined(mut pieces: Vec<Bytes>, length: usize) -> Bytes {
    if pieces.len() == 1
        && let Some(piece) = pieces.pop()
    {
        return piece;
    }
    let mut whole = BytesMut::with_capacity(length);
    for piece in pieces {
        whole.extend_from_slice(&piece);
    }
    whole.freeze()
}

/// The URL, and `/RPC2` unless it has a path, be it only a slash.
fn completed(url: &str) -> Result<Url> {
    let wrong = |why: String| {
        Error::new(Kind::Usage, Operation::Parse, why)
            .with_hint("the URL of an XML-RPC server looks like http://host:8000/RPC2")
    };
    let url = Url::parse_typed(url).map_err(|error| wrong(error.to_string()))?;
    if !matches!(url.scheme().as_str(), "http" | "https") {
        return Err(wrong(format!(
            "{} carries no XML-RPC; http and https do",
            url.scheme().as_str()
        )));
    }
    let typed = url.typed();
    let (before, _) = typed.split_once('#').unwrap_or((typed, ""));
    let after = before.split_once("://").map_or(before, |(_, after)| after);
    if after.contains(['/', '?']) {
        return Ok(url);
    }
    Url::parse(&format!("{before}/RPC2")).map_err(|error| wrong(error.to_string()))
}

/// Parameters in order.
fn listed(params: Params) -> Result<Vec<Value>> {
    match params {
        Params::None => Ok(Vec::new()),
        Params::List(values) => Ok(values),
        Params::Named(_) => {
            let why = "XML-RPC has no parameters by name";
            Err(Error::new(Kind::Usage, Operation::Call, why)
                .with_hint("give them in order, or one object"))
        }
    }
}

/// One answer of a multicall: an array of one value, or a fault.
fn one_of_many(answer: &Value) -> Option<Answer> {
    if let Some(items) = answer.as_array() {
        return match items {
            [value] => Some(Ok(value.clone())),
            _ => None,
        };
    }
    let code = answer.get("faultCode")?.as_i64()?;
    let message = answer.get("faultString")?.as_str()?;
    Some(Err(Fault::new(code, message)))
}

fn strings(value: &Value) -> Option<Vec<String>> {
    let items = value.as_array()?.iter();
    items.map(|item| item.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Kind, completed};

    #[test]
    fn a_path_is_filled_in_only_where_there_is_none() {
        for (typed, target) in [
            ("http://a", "http://a/RPC2"),
            ("a:8000", "http://a:8000/RPC2"),
            ("https://u:p@a#x", "https://u:p@a/RPC2"),
            ("http://a/", "http://a/"),
            ("http://a/x?y", "http://a/x?y"),
            ("http://a?y", "http://a/?y"),
        ] {
            assert_eq!(completed(typed).unwrap().to_secret_string(), target);
        }
        for wrong in ["ftp://a/", "mailto:a@b", "http://"] {
            assert_eq!(completed(wrong).unwrap_err().kind(), Kind::Usage);
        }
    }
}
