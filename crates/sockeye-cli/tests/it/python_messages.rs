//! Messages exchanged with Python's `multiprocessing.connection`.
