//! JSON-RPC 2.0 messages: requests, notifications, batches, answers, with ids exactly as they came.
