"""Validate the HAR document on standard input against the schema files beside this one (har-schema 2.0.0)."""

import json
import pathlib
import sys

from jsonschema import Draft6Validator, FormatChecker
from referencing import Registry, Resource

here = pathlib.Path(__file__).parent
schemas = [json.loads(path.read_text()) for path in sorted(here.glob("*.json"))]
registry = Registry()
for schema in schemas:
    name = schema["$id"].rstrip("#")
    registry = registry.with_resource(name, Resource.from_contents(schema))
har = next(schema for schema in schemas if schema["$id"] == "har.json#")
document = json.load(sys.stdin)
errors = list(Draft6Validator(har, registry=registry, format_checker=FormatChecker()).iter_errors(document))
for error in errors:
    print(f"{error.json_path}: {error.message}", file=sys.stderr)
# What the schema cannot say: times are not negative, and what is said of a whole is the sum of its parts.
for number, entry in enumerate(document["log"]["entries"]):
    timings = entry["timings"]
    spans = [timings[name] for name in ("blocked", "dns", "connect", "send", "wait", "receive")]
    if any(span < 0 and span != -1 for span in spans) or entry["time"] < 0:
        sys.exit(f"entry {number}: negative times: {timings}")
    if abs(sum(max(span, 0) for span in spans) - entry["time"]) > 1:
        sys.exit(f"entry {number}: the times do not add up to {entry['time']}: {timings}")
sys.exit(bool(errors))
