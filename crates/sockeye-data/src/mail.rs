//! Mail (RFC 5322, MIME) and mbox (RFC 4155) as records, with parts and attachments.
