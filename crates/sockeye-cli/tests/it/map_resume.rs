//! `map --journal`: whoever is killed goes on where it was.
