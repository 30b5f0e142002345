//! `map @rpc METHOD`: the same call to many servers.

use std::ffi::OsString;
use std::time::Instant;

use sockeye::data::json;
use sockeye::data::value::{Object, Value};
use sockeye::rpc::{Call, Params};
use sockeye::{Error, Kind, Operation, Result};

use super::{Args, Target, said_no};
use crate::commands::map::Rules;
use crate::commands::map::probes::{self, Place, Said};
use crate::output::Output;
use crate::report::{seconds, short};

const NAME: &str = "@rpc";

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Probe {
    args: Args,
    pub(in crate::commands) target: probes::Target,
    method: String,
    params: Params,
    output: Output,
}

impl Probe {
    /// With the words of `rpc call`, whose URL is the input.
    pub(crate) fn new(words: Vec<OsString>, rules: &Rules) -> Result<Self> {
        let place = Place {
            probe: NAME,
            id: "url",
            stand_in: "http://x.invalid/",
            rules,
            is_target: |_| true,
            behind: |_| 0,
        };
        let (words, target) = probes::place::<Args>(&place, words);
        let args: Args = probes::parse(NAME, words)?;
        probes::refuse(
            NAME,
            &[
                (args.batch.is_some(), "--batch", "one call for each server"),
                (args.notify, "--notify", "nothing would come back"),
                (
                    args.id.is_some(),
                    "--id",
                    "it makes no difference to the result",
                ),
                (args.show.is_given(), "-r", "the result is JSON on one line"),
                (
                    args.params.as_deref() == Some("-"),
                    "--params -",
                    "standard input has the URLs",
                ),
                (
                    args.talking.wire.is_some(),
                    "--wire",
                    "of many at once nobody could read it; `sockeye rpc call --wire` shows one",
                ),
            ],
        )?;
        let Some(method) = args.method.clone() else {
            let why = format!("{NAME}: which method?");
            return Err(Error::new(Kind::Usage, Operation::Parse, why)
                .with_hint("as in `map @rpc system.listMethods`"));
        };
        Ok(Self {
            params: args.parameters()?,
            args,
            target,
            method,
            output: Output::silent(),
        })
    }

    /// Call the server at this URL.
    ///
    /// # Errors
    ///
    /// Those of reaching it and of the call; `Rejected` for a fault.
    pub(crate) async fn run(&self, url: &str, is_json: bool) -> Result<Said> {
        let target = Target::read(url, self.args.protocol)?;
        self.args.check(target.protocol)?;
        if let super::super::target::Place::Lines(endpoint) = &target.place {
            probes::refuse_programs(NAME, endpoint)?;
        }
        let began = Instant::now();
        let calling = async {
            let caller = self.args.open(&target, &self.output).await?;
            let call = Call::of(self.method.clone(), self.params.clone());
            let result = caller.call(call).await.map_err(said_no)?;
            caller.close().await?;
            Ok(result)
        };
        let result = super::super::within(self.args.talking.timeout, calling).await?;
        let took = began.elapsed();
        let line = match is_json {
            true => json::to_string(&self.event(url, result, seconds(took))),
            false => format!(
                "{}\t{}\t{}",
                probes::shown(url),
                json::to_string(&result),
                short(took)
            ),
        };
        Ok(Said {
            stdout: (line + "\n").into(),
            ..Said::default()
        })
    }

    fn event(&self, url: &str, result: Value, seconds: f64) -> Value {
        Object::from_iter([
            ("type".into(), "result".into()),
            ("target".into(), url.into()),
            ("method".into(), self.method.as_str().into()),
            ("result".into(), result),
            ("seconds".into(), seconds.into()),
        ])
        .into()
    }
}
