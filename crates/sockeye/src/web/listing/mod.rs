//! A folder as a page, and as data.
