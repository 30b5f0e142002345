//! `sockeye convert`: recognising, streaming, cores, editing in place.
