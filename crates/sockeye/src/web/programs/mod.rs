//! Programs that answer: one process for each request, or workers that stay.
