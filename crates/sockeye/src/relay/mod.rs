//! Joining: carry bytes between two links, faithfully.
