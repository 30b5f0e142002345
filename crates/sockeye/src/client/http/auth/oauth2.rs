//! Tokens for programs that speak for themselves: the client credentials grant of OAuth 2 (RFC 6749 section 4.4).

use std::fmt;

use serde::Deserialize;
use sockeye_data::url::Url;
use sockeye_data::url::query::form;

use super::Credential;
use crate::client::http::{Body, Client, Request};
use crate::error::{Error, Kind, Operation, Result};

/// Longer answers are none of a server that gives tokens.
const LONGEST_ANSWER: usize = 1 << 20;

/// Where a token is to be had, and for whom.
///
/// # Examples
///
/// ```
/// # use sockeye_testkit::Web;
/// use sockeye::client::http::{Client, ClientCredentials};
/// use sockeye::data::url::Url;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> sockeye::Result<()> {
/// # let server = Web::new(|_| b"HTTP/1.1 200 OK\r\nContent-Length: 43\r\n\r\n{\"access_token\":\"t\",\"token_type\":\"Bearer\"} ".to_vec());
/// # let url = Url::parse(&server.url("/token")).unwrap();
/// let client = Client::new();
/// let credential = ClientCredentials::new(url, "me", "s3cret").scope("read").token(&client).await?;
/// let request = client.get("http://api.example/").credential(credential);
/// # let _ = request;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ClientCredentials {
    url: Url,
    id: String,
    secret: String,
    scope: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    token_type: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl ClientCredentials {
    /// Ask at this URL, as this client.
    pub fn new(url: Url, id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            url,
            id: id.into(),
            secret: secret.into(),
            scope: None,
        }
    }

    /// Ask for a token that is good for this alone.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Get a token. The secret goes to the server of the URL and nowhere else, whatever it says.
    ///
    /// # Errors
    ///
    /// Those of [`Client::send`]; [`Kind::Protocol`] if the server gives no token, with what it says about it.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::send`].
    pub async fn token(&self, client: &Client) -> Result<Credential> {
        // Both are encoded as in a form before they are put together (RFC 6749 section 2.3.1).
        let encoded = |text: &str| form([(text, "")]).trim_end_matches('=').to_owned();
        let mut fields = vec![("grant_type", "client_credentials")];
        fields.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        let mut request = Request::new("POST", self.url.without_secrets())?;
        request.set_body(
            Body::bytes(form(fields)).with_media_type("application/x-www-form-urlencoded"),
        );
        request.set_credential(Credential::Basic {
            user: encoded(&self.id),
            password: encoded(&self.secret),
        });
        let added = request.headers_mut().append("Accept", "application/json");
        added.map_err(|error| Error::new(Kind::Usage, Operation::Parse, error.to_string()))?;
        let mut response = client.send(request).await?;
        let mut text = Vec::new();
        while let Some(bytes) = response.chunk().await? {
            text.extend_from_slice(&bytes);
            if text.len() > LONGEST_ANSWER {
                return Err(self.refused("the answer has more than 1 MiB".to_owned()));
            }
        }
        let status = response.status();
        let answer: Answer = serde_json::from_slice(&text)
            .map_err(|_| self.refused(format!("the server answers {status}, and no JSON")))?;
        if let Some(error) = answer.error {
            let more = answer.error_description.map(|more| format!(" ({more})"));
            let said = format!("{error}{}", more.unwrap_or_default());
            let said = sockeye_data::escape::escape(said.as_bytes());
            return Err(self.refused(format!("the server says {said}")));
        }
        let is_bearer = answer
            .token_type
            .is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
        match answer.access_token {
            Some(token) if status < 300 && is_bearer => Ok(Credential::Bearer(token)),
            _ => Err(self.refused(format!(
                "the server answers {status}, and gives no bearer token"
            ))),
        }
    }

    fn refused(&self, why: String) -> Error {
        Error::new(Kind::Protocol, Operation::Fetch, why)
            .about(format!("a token from {}", self.url.without_secrets()))
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.without_secrets();
        write!(f, "ClientCredentials({:?} at {url})", self.id)
    }
}
