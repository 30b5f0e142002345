"""One case a line of stdin, as JSON; one verdict a line of stdout.

{"document": BASE64, "ours": VALUE or null}   what we read in a document, or that we refuse it
{"written": BASE64}                           what we wrote: Python has to read it and to write the same
"""

import base64
import json
import sys
from decimal import Decimal
from xmlrpc import client


def same(theirs, ours):
    kind, what = ours
    match kind:
        case "nil":
            return theirs is None
        case "bool":
            return theirs is what
        case "int":
            return type(theirs) is int and str(theirs) == what
        case "double":
            return type(theirs) is float and repr(theirs) == repr(float(what))
        case "decimal":
            return type(theirs) is Decimal and theirs.as_tuple() == Decimal(what).as_tuple()
        case "string":
            return type(theirs) is str and theirs == what
        case "bytes":
            return type(theirs) is client.Binary and theirs.data == base64.b64decode(what)
        case "date":
            return type(theirs) is client.DateTime and theirs.value == what
        case "array":
            return type(theirs) is list and len(theirs) == len(what) and all(map(same, theirs, what))
        case "struct":
            return (
                type(theirs) is dict
                and list(theirs) == [name for name, _ in what]
                and all(same(theirs[name], value) for name, value in what)
            )


def judge(case):
    if "written" in case:
        document = base64.b64decode(case["written"])
        try:
            params, method = client.loads(document)
        except client.Fault as fault:
            params, method = fault, None
        again = client.dumps(params, method, methodresponse=not method, allow_none=True)
        again = again.encode("utf-8", "xmlcharrefreplace")
        return "same" if again == document else f"differs: {again!r}"
    ours = case["ours"]
    try:
        params, method = client.loads(base64.b64decode(case["document"]))
    except client.Fault as fault:
        params, method = ([fault.faultCode, fault.faultString],), None
    except Exception as error:
        return "same" if ours is None else f"only ours: {error!r}"
    if ours is None:
        return "only Python"
    if ours["method"] == method and same(list(params), ["array", ours["params"]]):
        return "same"
    return f"differs: {method!r} {params!r}"


for line in sys.stdin:
    print(judge(json.loads(line)))
