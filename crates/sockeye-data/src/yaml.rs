//! YAML 1.2: many documents, anchors with a bound, the core schema, and a writer.
