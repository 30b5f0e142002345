//! `sockeye serve`: the first lines, files, exit codes.
