//! Codecs of bytes and text, both ways, in pieces: base64, hex, percent, quoted-printable, HTML entities and more.
