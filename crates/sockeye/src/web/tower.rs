//! An axum router, or any other service of tower, as a handler.
