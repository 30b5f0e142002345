//! The event `timing`, as `docs/fetch.schema.json` has it.

use std::time::Duration;

use serde::Serialize;
use sockeye::client::http::{Hop, Masking};
use sockeye::net::{Agreed, Lookup};

use crate::report::{AttemptEvent, seconds};

/// What took how long. Times are seconds from the start of the first hop.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "timing")]
pub(super) struct Timed {
    url: String,
    seconds: f64,
    hops: Vec<HopEvent>,
}

#[derive(Debug, Serialize)]
struct HopEvent {
    why: &'static str,
    method: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<u64>,
    reused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    began: f64,
    seconds: f64,
    phases: Vec<PhaseEvent>,
    lookups: Vec<LookupEvent>,
    attempts: Vec<AttemptEvent>,
    layers: Vec<LayerEvent>,
    sent: u64,
    received: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct PhaseEvent {
    phase: &'static str,
    began: f64,
    ended: f64,
}

#[derive(Debug, Serialize)]
struct LookupEvent {
    name: String,
    began: f64,
    ended: Option<f64>,
    addresses: Vec<String>,
    source: String,
}

#[derive(Debug, Serialize)]
struct LayerEvent {
    layer: String,
    at: f64,
    agreed: String,
}

/// The start of the first hop.
#[derive(Clone, Copy)]
struct Start(Duration);

impl Start {
    fn seconds(self, at: Duration) -> f64 {
        seconds(at.saturating_sub(self.0))
    }
}

impl Timed {
    pub(super) fn new(hops: &[Hop], masking: &Masking) -> Self {
        let start = Start(hops.first().map_or(Duration::ZERO, |hop| hop.timing.began));
        let ended = hops.last().and_then(|hop| hop.timing.ended);
        Self {
            url: hops
                .first()
                .map_or_else(String::new, |hop| masking.url(&hop.url)),
            seconds: start.seconds(ended.unwrap_or(start.0)),
            hops: hops
                .iter()
                .map(|hop| HopEvent::new(hop, start, masking))
                .collect(),
        }
    }
}

impl HopEvent {
    fn new(hop: &Hop, start: Start, masking: &Masking) -> Self {
        let connection = hop.connection.as_ref();
        let opening = hop.timing.opening.clone().unwrap_or_default();
        let came = hop.status != 0;
        let phases = hop.timing.intervals().into_iter().map(|it| PhaseEvent {
            phase: it.phase.code(),
            began: start.seconds(it.began),
            ended: start.seconds(it.ended),
        });
        let peer = connection.and_then(|it| it.peer.as_ref());
        Self {
            why: hop.why.code(),
            method: hop.method.clone(),
            url: masking.url(&hop.url),
            status: came.then_some(hop.status),
            version: came.then(|| hop.version.as_str()),
            connection: connection.map(|it| it.id.0),
            reused: connection.is_some_and(|it| it.reused),
            peer: peer.map(ToString::to_string),
            began: start.seconds(hop.timing.began),
            seconds: seconds(hop.timing.total().unwrap_or_default()),
            phases: phases.collect(),
            lookups: opening.lookups.iter().map(|it| lookup(it, start)).collect(),
            attempts: opening
                .attempts
                .iter()
                .map(|it| AttemptEvent::new(it, |at| start.seconds(at)))
                .collect(),
            layers: opening.layers.iter().map(|it| layer(it, start)).collect(),
            sent: hop.sent,
            received: hop.received,
            error: hop.error.clone(),
        }
    }
}

fn lookup(lookup: &Lookup, start: Start) -> LookupEvent {
    LookupEvent {
        name: lookup.name.clone(),
        began: start.seconds(lookup.began),
        ended: lookup.ended.map(|ended| start.seconds(ended)),
        addresses: lookup
            .addresses
            .iter()
            .map(|it| it.ip().to_string())
            .collect(),
        source: lookup.source.clone(),
    }
}

fn layer(layer: &Agreed, start: Start) -> LayerEvent {
    LayerEvent {
        layer: layer.layer.clone(),
        at: start.seconds(layer.at),
        agreed: layer.words.clone(),
    }
}
