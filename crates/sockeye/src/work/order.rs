//! Results that came early wait here, sorted, until it is their turn.
