//! Packed folders, unpacked by programs that we did not write.
