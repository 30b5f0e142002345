//! `sockeye convert` with jq programs and the flags of jq.
