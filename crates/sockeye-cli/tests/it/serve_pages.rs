//! `sockeye serve`: pages in a browser.
