//! Work shared out through NATS JetStream: the only place that names the NATS crate.
//!
//! A submitter puts jobs into a work queue; workers lease them, run them and publish results, of which the first stands; the
//! submitter is a [`Work`](super::Work) whose jobs are done elsewhere, so order, retries, rates, journal and report are those of one machine.
