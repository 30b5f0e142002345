//! Each call, and each batch, in a request of its own, over connections that are kept.

use std::ops::Range;

use sockeye_data::jsonrpc::{self, Answers, Limits, Said, read_answers};
use sockeye_data::url::Url;

use super::ClientOptions;
use crate::client::http::{self, Body, Client, Request};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Net;
use crate::rpc::call::{Answer, CallError};

const JSON: &str = "application/json";
/// Connections to one server that are used and kept at once.
const CONNECTIONS: usize = 64;

/// A client of HTTP as it is by default.
pub(super) fn client(net: &Net, options: &ClientOptions) -> Client {
    let limits = http::Limits {
        per_place: CONNECTIONS,
        kept_per_place: CONNECTIONS,
        idle: options.timeout,
        ..http::Limits::default()
    };
    Client::builder().net(net.clone()).limits(limits).build()
}

pub(super) struct Link {
    client: Client,
    url: Url,
    name: String,
    limits: Limits,
}

impl Link {
    pub(super) fn new(client: Client, url: &str, limits: Limits) -> Result<Self> {
        let url = Url::parse_typed(url).map_err(|error| {
            Error::new(Kind::Usage, Operation::Parse, error.to_string())
                .with_hint("a URL looks like http://host/path")
        })?;
        Ok(Self {
            client,
            name: url.without_secrets().to_string(),
            url,
            limits,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) async fn call(&self, id: u64, text: Vec<u8>) -> Result<Answer, CallError> {
        let mut answers = self.answers(text).await?;
        match (answers.pop(), answers.is_empty()) {
            (Some(answer), true) if answer.id.as_u64() == Some(id) => {
                Ok(answer.outcome.map_err(Into::into))
            }
            // The server could not make out whose error it is: of this request, there is only one.
            (Some(answer), true) if answer.id.is_null() && answer.outcome.is_err() => {
                Ok(answer.outcome.map_err(Into::into))
            }
            (Some(_), true) => Err(self
                .broken("the answer has another id than the call")
                .into()),
            (None, _) => Err(self.broken("the call has no answer").into()),
            (Some(_), false) => Err(self.broken("one call has several answers").into()),
        }
    }

    pub(super) async fn batch(
        &self,
        ids: Range<u64>,
        text: Vec<u8>,
    ) -> Result<Vec<Answer>, CallError> {
        let answers = self.answers(text).await?;
        if let [alone] = &*answers
            && let (true, Err(error)) = (alone.id.is_null(), &alone.outcome)
        {
            return Err(CallError::Fault(error.clone().into()));
        }
        let count = ids.end - ids.start;
        let mut sorted: Vec<Option<Answer>> = (0..count).map(|_| None).collect();
        for answer in answers {
            let place = answer
                .id
                .as_u64()
                .filter(|id| ids.contains(id))
                .map(|id| id - ids.start);
            let place = place.and_then(|place| sorted.get_mut(usize::try_from(place).ok()?));
            match place {
                Some(place @ None) => *place = Some(answer.outcome.map_err(Into::into)),
                Some(Some(_)) => return Err(self.broken("one call has several answers").into()),
                None => return Err(self.broken("an answer has an id that no call has").into()),
            }
        }
        let sorted: Option<Vec<Answer>> = sorted.into_iter().collect();
        sorted.ok_or_else(|| self.broken("a call of the batch has no answer").into())
    }

    pub(super) async fn notify(&self, text: Vec<u8>) -> Result<(), CallError> {
        let answers = self.answers(text).await?;
        match answers.into_iter().find_map(|answer| answer.outcome.err()) {
            Some(error) => Err(CallError::Fault(error.into())),
            None => Ok(()),
        }
    }

    /// What comes back for these bytes.
    async fn answers(&self, text: Vec<u8>) -> Result<Vec<jsonrpc::Answer>> {
        let mut request = Request::new("POST", self.url.clone())?;
        request.set_body(Body::bytes(text).with_media_type(JSON));
        if request.headers().get("accept").is_none() {
            let added = request.headers_mut().append("Accept", JSON);
            added.map_err(|error| Error::new(Kind::Usage, Operation::Call, error.to_string()))?;
        }
        let mut response = self.client.send(request).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > self.limits.bytes {
                let why = format!("the answer has more than {} bytes", self.limits.bytes);
                return Err(self.broken(&why));
            }
            body.extend_from_slice(&chunk);
        }
        // Some servers say by the status too what their error object says better.
        let read = match body.trim_ascii().is_empty() {
            true => Ok(Vec::new()),
            false => read_answers(&body, &self.limits).map(into_answers),
        };
        match (response.is_success(), read) {
            (true, Ok(answers)) => Ok(answers),
            (true, Err(broken)) => Err(self.broken(&broken.to_string())),
            (false, Ok(answers)) if !answers.is_empty() => Ok(answers),
            (false, _) => Err(response.no().during(Operation::Call)),
        }
    }

    fn broken(&self, why: &str) -> Error {
        Error::new(Kind::Protocol, Operation::Call, why).about(&self.name)
    }
}

/// The answers; over HTTP nobody can call us.
fn into_answers(answers: Answers) -> Vec<jsonrpc::Answer> {
    let said = match answers {
        Answers::One(one) => vec![one],
        Answers::Many(many) => many,
    };
    let answers = said.into_iter().filter_map(|said| match said {
        Said::Answer(answer) => Some(answer),
        Said::Request(_) => None,
    });
    answers.collect()
}
