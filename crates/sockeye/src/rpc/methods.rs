//! Methods by name: what a server can do, whatever carries the calls.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

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
            Some(method) => (method.run)(call.params).await,
            None => Err(Fault::new(-32601, "Method not found")),
        }
    }
}
