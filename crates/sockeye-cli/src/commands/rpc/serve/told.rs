//! What is told of calls: a line on standard error for each, or an event.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;
use sockeye::data::escape::escape_str;
use sockeye::rpc::jsonrpc::Called;
use sockeye::rpc::{Answer, Methods};

use crate::output::{Level, Output};
use crate::report::{seconds, short};

/// A call that is over.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "called")]
struct CallEvent<'a> {
    protocol: &'a str,
    method: &'a str,
    /// As JSON; none for a notification, and over XML-RPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    seconds: f64,
    #[serde(skip)]
    took: Duration,
}

impl fmt::Display for CallEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", escape_str(self.method))?;
        if let Some(id) = self.id {
            write!(f, " id={}", escape_str(id))?;
        }
        match (self.code, self.message) {
            (Some(code), Some(message)) => write!(f, " fault {code}: {}", escape_str(message))?,
            _ => f.write_str(" ok")?,
        }
        write!(f, " in {}", short(self.took))
    }
}

/// Where it is told.
#[derive(Clone, Debug)]
pub(super) struct Told(Output);

impl Told {
    pub(super) fn new(output: &Output) -> Self {
        Self(output.clone())
    }

    fn tell(
        &self,
        protocol: &str,
        method: &str,
        id: Option<&str>,
        took: Duration,
        answer: &Answer,
    ) {
        if !self.0.reports(Level::Normal) {
            return;
        }
        let fault = answer.as_ref().err();
        self.0.event(
            Level::Normal,
            &CallEvent {
                protocol,
                method,
                id,
                ok: fault.is_none(),
                code: fault.map(|fault| fault.code),
                message: fault.map(|fault| &*fault.message),
                seconds: seconds(took),
                took,
            },
        );
    }

    /// Hears of calls of JSON-RPC.
    pub(super) fn hears(&self) -> impl Fn(&Called<'_>) + Send + Sync + 'static + use<> {
        let told = self.clone();
        move |called| told.tell("json", called.method, called.id, called.took, called.answer)
    }

    /// The same methods, with whoever hears of their calls around each: XML-RPC.
    pub(super) fn around(&self, methods: &Methods) -> Methods {
        let mut heard = Methods::new();
        for name in methods.names() {
            let Some(method) = methods.get(name).cloned() else {
                continue;
            };
            let (told, help) = (self.clone(), method.help.clone());
            let named = name.to_owned();
            heard = heard.add(name, move |params| {
                let (told, named, method) = (told.clone(), named.clone(), method.clone());
                async move {
                    let began = Instant::now();
                    let answer = method.call(params).await;
                    told.tell("xml", &named, None, began.elapsed(), &answer);
                    answer
                }
            });
            heard = heard.help(name, help);
        }
        heard
    }
}
