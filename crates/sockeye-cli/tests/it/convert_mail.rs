//! `sockeye convert` with mail and mbox.
