# The same text for the same value as `canonical` in data_structured.rs.
import math
import struct
import sys


def canonical(value):
    if value is None:
        return "n"
    if value is True or value is False:
        return "t" if value else "f"
    if isinstance(value, int):
        return "i%d" % value
    if isinstance(value, float):
        if math.isnan(value):
            return "nan"
        if abs(value) < 1e15 and value == int(value):
            return "i%d" % int(value)
        return "d" + struct.pack(">d", value).hex()
    if isinstance(value, str):
        return "s" + value.encode().hex()
    if isinstance(value, (bytes, bytearray)):
        return "b" + bytes(value).hex()
    if isinstance(value, (list, tuple)):
        return "[" + "".join(canonical(item) + "," for item in value) + "]"
    if isinstance(value, dict):
        members = sorted((str(name).encode().hex(), canonical(item)) for name, item in value.items())
        return "{" + "".join(name + ":" + item + "," for name, item in members) + "}"
    return "?" + type(value).__name__
