//! Framing that two readers may understand differently.
