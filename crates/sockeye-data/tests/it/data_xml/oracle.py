"""What Python's parser (expat) makes of documents: read as JSON lines from stdin, answered as JSON lines.

A line is [kind, document]. "canonical": the canonical form with comments, or null if the document is refused. "friendly": the value
that xmltodict's rules give, over etree.
"""
import json
import sys
from xml.etree import ElementTree


def friendly(element):
    members = {"@" + name: value for name, value in element.attrib.items()}
    text = element.text or ""
    for child in element:
        value = friendly(child)
        if child.tag not in members:
            members[child.tag] = value
        elif isinstance(members[child.tag], list):
            members[child.tag].append(value)
        else:
            members[child.tag] = [members[child.tag], value]
        text += child.tail or ""
    text = text.strip(" \t\r\n")
    if not members:
        return text or None
    if text:
        members["#text"] = text
    return members


for line in sys.stdin:
    kind, document = json.loads(line)
    try:
        if kind == "canonical":
            answer = ElementTree.canonicalize(document, with_comments=True)
        else:
            root = ElementTree.fromstring(document)
            answer = {root.tag: friendly(root)}
    except ElementTree.ParseError:
        answer = None
    print(json.dumps(answer))
