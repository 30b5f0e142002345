//! Folders packed while they are sent: tar, tar.gz and zip, in constant memory.
