//! `sockeye convert --table` and `--plot`.
