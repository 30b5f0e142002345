//! Files: conditions, ranges, variants, containment.
