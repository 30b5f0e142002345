//! Methods by name: what a server can do, whatever carries the calls.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sockeye_data::json;

use super::call::{Answer, Call, Fault, Params};

/// The future of an answer.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

type Run = Arc<dyn Fn(Params) -> Answering + Send + Sync>;

/// A method, and what is told of it.
#[derive(Clone)]
pub struct Method {
    /// What it is for; `system.methodHelp` and `rpc.discover` tell it.
    pub help: String,
    /// Types of its answer and its parameters, if they are known.
    pub signature: Vec<Vec<String>>,
    run: Run,
}

impl std::fmt::Debug for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Method({:?})", self.help)
    }
}

/// Methods by name.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use sockeye::data::value::Value;
/// use sockeye::rpc::{Call, Fault, Methods, Params};
///
/// let methods = Methods::new().add("sum", async |params: Params| {
///     let Params::List(terms) = params else { return Err(Fault::new(-32602, "numbers are wanted")) };
///     Ok(Value::from(terms.iter().filter_map(Value::as_i64).sum::<i64>()))
/// });
/// let answer = methods.call(Call::new("sum", vec![1.into(), 2.into()])).await;
/// assert_eq!(answer.unwrap().as_i64(), Some(3));
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Methods {
    by_name: BTreeMap<String, Method>,
}

impl Methods {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this one too; a name that was taken is taken over.
    #[must_use]
    pub fn add<F, A>(mut self, name: impl Into<String>, run: F) -> Self
    where
        F: Fn(Params) -> A + Send + Sync + 'static,
        A: Future<Output = Answer> + Send + 'static,
    {
        let run: Run = Arc::new(move |params| Box::pin(run(params)));
        let method = Method {
            help: String::new(),
            signature: Vec::new(),
            run,
        };
        self.by_name.insert(name.into(), method);
        self
    }

    /// With a method from a function of plain types: parameters and result are converted by serde, as JSON has them. Values in
    /// order become a tuple, values by name a struct, none `()`. Parameters that do not fit are fault -32602 and never reach it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use sockeye::rpc::{Call, Methods};
    ///
    /// let methods = Methods::new().typed("sum", async |(a, b): (i64, i64)| Ok(a + b));
    /// let answer = methods.call(Call::new("sum", vec![1.into(), 2.into()])).await;
    /// assert_eq!(answer.unwrap().as_i64(), Some(3));
    /// let fault = methods.call(Call::new("sum", vec!["one".into()])).await.unwrap_err();
    /// assert_eq!(fault.code, -32602);
    /// # }
    /// ```
    #[must_use]
    pub fn typed<F, P, R, A>(self, name: impl Into<String>, run: F) -> Self
    where
        F: Fn(P) -> A + Send + Sync + 'static,
        P: DeserializeOwned,
        R: Serialize,
        A: Future<Output = std::result::Result<R, Fault>> + Send + 'static,
    {
        let run = Arc::new(run);
        self.add(name, move |params| {
            let started = read_params(params).map(|params| run(params));
            async move { to_value(&started?.await?) }
        })
    }

    /// Say what the method `name` is for.
    #[must_use]
    pub fn help(mut self, name: &str, help: impl Into<String>) -> Self {
        if let Some(method) = self.by_name.get_mut(name) {
            method.help = help.into();
        }
        self
    }

    /// The method of this name.
    pub fn get(&self, name: &str) -> Option<&Method> {
        self.by_name.get(name)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Do what is called.
    ///
    /// # Errors
    ///
    /// The method's own fault, or -32601 if there is no such method.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the method's.
    pub async fn call(&self, call: Call) -> Answer {
        match self.by_name.get(&call.method) {
            Some(method) => method.call(call.params).await,
            None => Err(Fault::new(-32601, "Method not found")),
        }
    }
}

impl Method {
    /// Do it.
    ///
    /// # Errors
    ///
    /// The method's own fault.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the method's.
    pub async fn call(&self, params: Params) -> Answer {
        (self.run)(params).await
    }
}

/// Parameters as a plain type. No parameters may be meant as nothing, as an empty list or as an object without members.
fn read_params<P: DeserializeOwned>(params: Params) -> Result<P, Fault> {
    let params = match params {
        // The only way to say nothing in XML-RPC.
        Params::List(items) if items.is_empty() => Params::None,
        params => params,
    };
    let read = match params.into_value() {
        Some(value) => serde_json::from_str(&json::to_string(&value)),
        None => serde_json::from_str("null")
            .or_else(|error| serde_json::from_str("[]").map_err(|_| error))
            .or_else(|error| serde_json::from_str("{}").map_err(|_| error)),
    };
    read.map_err(|error| {
        // Where it stands means nothing to whoever sent it: the text here is ours.
        let why = error.to_string();
        let why = why.rsplit_once(" at line ").map_or(&*why, |(why, _)| why);
        Fault {
            data: Some(why.into()),
            ..Fault::new(-32602, "Invalid params")
        }
    })
}

/// A plain result as a value.
fn to_value(result: &impl Serialize) -> Answer {
    let failed = || Fault::new(-32603, "Internal error");
    let text = serde_json::to_vec(result).map_err(|_| failed())?;
    json::parse(&text).map_err(|_| failed())
}
