//! Messages exchanged with Python's `multiprocessing.connection`: framing, both generations of its authentication, plain data.
