"""Drive Chromium for peers/chromium.rs: driver.py FOLDER PROGRAM [FLAG...].

Reads a command a line from stdin, fields apart by tabs, and answers each with a line: its number, `ok` or `failed`, a text.
Tabs, line ends and backslashes in fields and texts are escaped. The browser is talked to through pipes: no port is open.
"""

import base64
import collections
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time

# Below the limit of the testkit, which knows less about what went wrong.
LIMIT = 8

KEYS = {
    "Enter": (13, "\r"), "Tab": (9, ""), "Escape": (27, ""), "Backspace": (8, ""), "Delete": (46, ""), " ": (32, " "),
    "ArrowLeft": (37, ""), "ArrowUp": (38, ""), "ArrowRight": (39, ""), "ArrowDown": (40, ""),
    "PageUp": (33, ""), "PageDown": (34, ""), "End": (35, ""), "Home": (36, ""),
}

# Seconds between two looks at a page: it may change for reasons that nobody can be told of.
LOOK = 0.02


class Failed(Exception):
    pass


class Page:
    def __init__(self, session, target):
        self.session, self.target = session, target
        self.loaded = False
        self.said, self.asked, self.of = [], [], {}


class Browser:
    def __init__(self, folder, argv):
        self.folder, self.number, self.pages, self.answers = folder, 0, {}, {}
        self.rest, self.downloads = b"", {}
        self.saved, self.deadline = collections.deque(), 0
        theirs_in, self.writer = pipe()
        self.reader, theirs_out = pipe()

        def numbered():
            os.dup2(theirs_in, 3)
            os.dup2(theirs_out, 4)

        with open(os.path.join(folder, "log"), "wb") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, close_fds=False, preexec_fn=numbered)
        os.close(theirs_in)
        os.close(theirs_out)

    # The protocol.

    def send(self, method, session=None, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        left = memoryview(json.dumps(message).encode() + b"\0")
        while left:
            left = left[os.write(self.writer, left):]
        return self.number

    def call(self, method, session=None, **params):
        number = self.send(method, session, **params)
        self.until(lambda: number in self.answers, f"answer to {method}")
        answer = self.answers.pop(number)
        if "error" in answer:
            raise Failed(f"{method}: {answer['error'].get('message')} {answer['error'].get('data', '')}")
        return answer["result"]

    def until(self, done, what):
        while not done():
            left = self.deadline - time.monotonic()
            if left <= 0 or not select.select([self.reader], [], [], left)[0]:
                raise Failed(f"no {what} within {LIMIT} s")
            self.read()

    def read(self):
        got = os.read(self.reader, 1 << 20)
        if not got:
            with open(os.path.join(self.folder, "log"), errors="replace") as log:
                raise Failed("the browser ended; it said: " + log.read()[-2000:])
        *whole, self.rest = (self.rest + got).split(b"\0")
        for message in whole:
            self.take(json.loads(message))

    def take(self, message):
        if "id" in message:
            self.answers[message["id"]] = message
            return
        method, params = message["method"], message["params"]
        if method == "Browser.downloadWillBegin":
            self.downloads[params["guid"]] = params["suggestedFilename"]
        elif method == "Browser.downloadProgress" and params["state"] != "inProgress":
            self.saved.append((params["guid"], params["state"]))
        page = self.pages.get(message.get("sessionId"))
        if page is None:
            return
        if method == "Page.loadEventFired":
            page.loaded = True
        elif method == "Page.javascriptDialogOpening":
            page.said.append(f"dialog: {params['message']}")
            self.send("Page.handleJavaScriptDialog", page.session, accept=True)
        elif method == "Runtime.consoleAPICalled":
            words = [str(arg.get("value", arg.get("description", arg["type"]))) for arg in params["args"]]
            page.said.append(f"{params['type']}: {' '.join(words)}")
        elif method == "Runtime.exceptionThrown":
            page.said.append(f"exception: {problem(params['exceptionDetails'])}")
        elif method == "Log.entryAdded":
            entry = params["entry"]
            page.said.append(f"{entry['level']}: {entry['text']} {entry.get('url', '')}".rstrip())
        elif method == "Network.requestWillBeSent":
            old = page.of.get(params["requestId"])
            if old and "redirectResponse" in params:
                old[1] = str(params["redirectResponse"]["status"])
            if not params["request"]["url"].startswith("data:"):
                entry = [params["request"]["method"], "-", params["request"]["url"]]
                page.of[params["requestId"]] = entry
                page.asked.append(entry)
        elif method == "Network.responseReceived" and params["requestId"] in page.of:
            page.of[params["requestId"]][1] = str(params["response"]["status"])
        elif method == "Network.loadingFailed" and params["requestId"] in page.of:
            entry = page.of[params["requestId"]]
            entry[1] = entry[1] if entry[1] != "-" else params["errorText"]

    # The commands; each gets strings and returns one.

    def start(self):
        return self.call("Browser.getVersion")["product"]

    def page(self, *look):
        # A context of its own: no cookie, cache or stored value of another page.
        context = self.call("Target.createBrowserContext")["browserContextId"]
        folder = os.path.join(self.folder, "downloads")
        self.call("Browser.setDownloadBehavior", behavior="allowAndName", browserContextId=context, downloadPath=folder, eventsEnabled=True)
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.pages[session] = Page(session, target)
        for domain in ["Page", "Runtime", "Log", "Network", "DOM"]:
            self.call(domain + ".enable", session)
        self.look(session, *look)
        return session

    def look(self, session, width, height, scheme, scripts):
        # On small screens as on a telephone: without a viewport of its own the page gets a wide one.
        size = {"width": int(width), "height": int(height), "deviceScaleFactor": 1, "mobile": int(width) < 600}
        self.call("Emulation.setDeviceMetricsOverride", session, **size)
        self.call("Emulation.setEmulatedMedia", session, features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Emulation.setScriptExecutionDisabled", session, value=scripts != "true")
        return ""

    def close(self, session):
        self.call("Target.closeTarget", targetId=self.pages.pop(session).target)
        return ""

    def open(self, session, url):
        page = self.pages[session]
        page.loaded = False
        error = self.call("Page.navigate", session, url=url).get("errorText")
        if error:
            raise Failed(f"{url}: {error}")
        self.until(lambda: page.loaded, f"end of loading {url}")
        return ""

    def dom(self, session):
        # Through the protocol: it works where scripts are off, too.
        root = self.call("DOM.getDocument", session, depth=0)["root"]["nodeId"]
        return self.call("DOM.getOuterHTML", session, nodeId=root)["outerHTML"]

    def evaluate(self, session, expression):
        answer = self.call("Runtime.evaluate", session, expression=expression, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in answer:
            raise Failed(problem(answer["exceptionDetails"]))
        value = answer["result"].get("value")
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def wait(self, session, expression):
        # Asked from here: where scripts are off, the page has no timers.
        while True:
            try:
                if self.evaluate(session, f"!!({expression})") == "true":
                    return ""
            except Failed as e:
                # The page has gone to another place meanwhile: ask there.
                if not any(word in str(e) for word in ["navigated", "context was destroyed", "Cannot find"]):
                    raise Failed(f"{expression}: {e}; the console: {self.pages[session].said}") from None
            if time.monotonic() >= self.deadline:
                raise Failed(f"{expression}: not true within {LIMIT} s; the console: {self.pages[session].said}")
            if select.select([self.reader], [], [], LOOK)[0]:
                self.read()

    def screenshot(self, session, path):
        data = self.call("Page.captureScreenshot", session, format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
        return ""

    def node(self, session, selector):
        root = self.call("DOM.getDocument", session, depth=0)["root"]["nodeId"]
        node = self.call("DOM.querySelector", session, nodeId=root, selector=selector)["nodeId"]
        if not node:
            raise Failed(f"nothing matches {selector}")
        return node

    def middle(self, session, selector):
        node = self.node(session, selector)
        self.call("DOM.scrollIntoViewIfNeeded", session, nodeId=node)
        quads = self.call("DOM.getContentQuads", session, nodeId=node)["quads"]
        if not quads:
            raise Failed(f"{selector} cannot be seen")
        return {"x": sum(quads[0][0::2]) / 4, "y": sum(quads[0][1::2]) / 4}

    def files(self, session, selector, *paths):
        self.call("DOM.setFileInputFiles", session, files=paths, nodeId=self.node(session, selector))
        return ""

    def drop(self, session, selector, *paths):
        at = self.middle(session, selector)
        data = {"items": [], "files": paths, "dragOperationsMask": 1}
        for kind in ["dragEnter", "dragOver", "drop"]:
            self.call("Input.dispatchDragEvent", session, type=kind, data=data, **at)
        return ""

    def click(self, session, selector):
        at = self.middle(session, selector)
        for kind in ["mousePressed", "mouseReleased"]:
            self.call("Input.dispatchMouseEvent", session, type=kind, button="left", clickCount=1, **at)
        return ""

    def type(self, session, text):
        self.call("Input.insertText", session, text=text)
        return ""

    def press(self, session, key):
        code, text = KEYS.get(key) or (ord(key.upper()), key)
        common = {"key": key, "windowsVirtualKeyCode": code, "code": key if key in KEYS else "Key" + key.upper()}
        self.call("Input.dispatchKeyEvent", session, type="keyDown" if text else "rawKeyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", session, type="keyUp", **common)
        return ""

    def said(self, session):
        self.call("Browser.getVersion")  # what came before its answer is taken by then
        return "\n".join(self.pages[session].said)

    def asked(self, session):
        self.call("Browser.getVersion")
        return "\n".join(" ".join(entry) for entry in self.pages[session].asked)

    def downloaded(self):
        self.until(lambda: self.saved, "finished download")
        guid, state = self.saved.popleft()
        name = self.downloads.get(guid, "")
        if state != "completed":
            raise Failed(f"the download of {name} was {state}")
        return "\n".join([name, os.path.join(self.folder, "downloads", guid)])


def pipe():
    # Away from 3 and 4, which the browser wants for itself.
    ends = os.pipe()
    far = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return far


def problem(details):
    return details.get("exception", {}).get("description") or details.get("text", "")


def unescape(field):
    return "".join({"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}[part[0]] + part[1:] if i else part
                   for i, part in enumerate(split(field)))


def split(field):
    """The parts between backslashes that escape: each but the first begins with what is escaped."""
    parts, at = [""], 0
    while at < len(field):
        if field[at] == "\\":
            parts.append(field[at + 1])
            at += 2
        else:
            parts[-1] += field[at]
            at += 1
    return parts


def escape(text):
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def main():
    folder, *argv = sys.argv[1:]
    sys.stdin.reconfigure(encoding="utf-8", newline="\n")
    sys.stdout.reconfigure(encoding="utf-8", errors="replace", newline="\n")
    browser = Browser(folder, argv)
    for number, line in enumerate(sys.stdin):
        name, *fields = map(unescape, line.rstrip("\n").split("\t"))
        browser.deadline = time.monotonic() + LIMIT
        try:
            answer = "ok", getattr(browser, name)(*fields)
        except (Failed, OSError) as e:
            answer = "failed", str(e)
        print(number, answer[0], escape(answer[1]), flush=True)
    # Nobody asks any more, and whoever did is gone without cleaning up.
    browser.process.kill()
    browser.process.wait()
    shutil.rmtree(folder, ignore_errors=True)


main()
