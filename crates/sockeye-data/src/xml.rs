//! XML 1.0: a strict reader, a lossless and a friendly mapping to values, records by path, and a writer.
