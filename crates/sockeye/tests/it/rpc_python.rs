//! Python's `multiprocessing.connection`, both ways.
