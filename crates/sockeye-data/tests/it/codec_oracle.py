"""What Python says of codecs: each line of standard input is a question, `NAME HEX`, each line of output the answer, `HEX` or `no`."""

import base64
import binascii
import html
import io
import json
import quopri
import sys
import urllib.parse
import zlib


def decode_qp(data):
    return quopri.decodestring(data)


def encode_uu(data):
    lines = [b"begin 644 data\n"]
    lines += [binascii.b2a_uu(data[at : at + 45], backtick=True) for at in range(0, len(data), 45)]
    return b"".join(lines) + b"`\nend\n"


def decode_uu(data):
    lines = data.split(b"\n")
    return b"".join(binascii.a2b_uu(line) for line in lines[1:-2] if line)


def encode_html(data):
    return html.escape(data.decode()).replace("&#x27;", "&#39;").encode()


ANSWERS = {
    "base64+": base64.b64encode,
    "base64-": lambda data: base64.b64decode(data, validate=True),
    "base64~": base64.b64decode,
    "base64url+": base64.urlsafe_b64encode,
    "base32+": base64.b32encode,
    "base32-": base64.b32decode,
    "base32hex+": base64.b32hexencode,
    "hex+": lambda data: base64.b16encode(data).lower(),
    "hex-": binascii.unhexlify,
    "ascii85+": base64.a85encode,
    "ascii85-": base64.a85decode,
    "ascii85frame+": lambda data: base64.a85encode(data, adobe=True),
    "base85+": base64.b85encode,
    "base85-": base64.b85decode,
    "percent+": lambda data: urllib.parse.quote(data, safe="").encode(),
    "percent~": urllib.parse.unquote_to_bytes,
    "form+": lambda data: urllib.parse.quote_plus(data, safe="*").replace("~", "%7E").encode(),
    "form~": lambda data: urllib.parse.unquote_to_bytes(data.replace(b"+", b" ")),
    "quoted-printable-": decode_qp,
    "uuencode+": encode_uu,
    "uuencode-": decode_uu,
    "html+": encode_html,
    "html-": lambda data: html.unescape(data.decode()).encode(),
    "json+": lambda data: json.dumps(data.decode(), ensure_ascii=False).encode(),
    "json-": lambda data: json.loads(data.decode()).encode(),
    "punycode+": lambda data: data.decode().encode("punycode"),
    "punycode-": lambda data: data.decode("ascii").encode("ascii").decode("punycode").encode(),
    "idna+": lambda data: data.decode().encode("idna"),
    "gzip-": lambda data: zlib.decompress(data, 31),
    "deflate-": zlib.decompress,
    "deflate-raw-": lambda data: zlib.decompress(data, -15),
    "deflate+": zlib.compress,
}


def charset(name, data):
    if name.startswith("from:"):
        return data.decode(name[5:]).encode()
    return data.decode().encode(name[3:])


def main():
    out = io.StringIO()
    for line in sys.stdin:
        name, _, data = line.rstrip("\n").partition(" ")
        data = bytes.fromhex(data)
        try:
            answer = charset(name, data) if ":" in name else ANSWERS[name](data)
            out.write(answer.hex() + "\n")
        except (ValueError, zlib.error):
            out.write("no\n")
    sys.stdout.write(out.getvalue())


main()
