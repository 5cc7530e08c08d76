"""A browser without a window, told what to do through two pipes: pages as readers see them."""

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# So long may anything take on a machine that others use as well.
PATIENCE_SECONDS = 120.0
# What it reads is to be its file 3, what it writes 4, wherever these pipes are now.
MOVED = """
import fcntl, os, sys
for number, pipe in enumerate([fcntl.fcntl(int(each), 0, 10) for each in sys.argv[1:3]], 3):
    os.dup2(pipe, number)
os.execv(sys.argv[3], sys.argv[3:])
"""


def program():
    """The command of a browser, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Page:
    """One page: what is written to its console, and whatever the protocol can ask it."""

    def __init__(self, to, out):
        self._to, self._out, self._read = to, out, b""
        self._numbers = itertools.count(1)
        self._session = {}
        self.events = []
        found = self.ask("Target.createTarget", url="about:blank")
        attached = self.ask("Target.attachToTarget", targetId=found["targetId"], flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **params):
        number = next(self._numbers)
        told = {"id": number, "method": method, "params": params, **self._session}
        os.write(self._to, json.dumps(told).encode() + b"\0")
        while True:
            got = self._next()
            if got.get("id") == number:
                assert "error" not in got, got
                return got["result"]

    def _next(self):
        end = time.monotonic() + PATIENCE_SECONDS
        while b"\0" not in self._read:
            ready = select.select([self._out], [], [], max(end - time.monotonic(), 0.0))[0]
            assert ready, "the browser says nothing"
            more = os.read(self._out, 1 << 20)
            assert more, "the browser has ended"
            self._read += more
        text, _, self._read = self._read.partition(b"\0")
        got = json.loads(text)
        if "method" in got:
            self.events.append(got)
        return got

    def open(self, path, width=1200, height=900):
        """Load a file at a width in pixels, and wait until all of it is there."""
        self.resize(width, height)
        self.events.clear()
        self.ask("Page.navigate", url=path.resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._next()

    def resize(self, width, height=900):
        sizes = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", **sizes)

    def run(self, code):
        """The value of an expression, as JSON can hold it."""
        asked = {"expression": code, "returnByValue": True, "awaitPromise": True}
        got = self.ask("Runtime.evaluate", **asked)
        assert "exceptionDetails" not in got, got["exceptionDetails"]
        return got["result"].get("value")

    def press(self, key):
        number, text = {"ArrowRight": (39, ""), "ArrowLeft": (37, ""), "Enter": (13, "\r")}[key]
        told = {"key": key, "code": key, "windowsVirtualKeyCode": number}
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **told)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **told)

    def complaints(self):
        """What went wrong in the page, and whatever it wrote to its console."""
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [event["params"] for event in self.events if event["method"] in kinds]

    def fetched(self):
        """What it asked for besides itself: nothing that is not in it."""
        asked = [event for event in self.events if event["method"] == "Network.requestWillBeSent"]
        urls = [event["params"]["request"]["url"] for event in asked]
        return [url for url in urls if not url.startswith("data:")][1:]

    def picture(self, path):
        """Write all of the page as a PNG."""
        made = self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(made["data"]))

    def printed(self, path):
        """Write the page as a PDF, as it is printed on A4."""
        made = self.ask(
            "Page.printToPDF", paperWidth=8.27, paperHeight=11.69, preferCSSPageSize=False
        )
        path.write_bytes(base64.b64decode(made["data"]))


@contextlib.contextmanager
def opened(folder):
    """A page of a browser that ends with the block, and keeps what it keeps in a folder."""
    to_read, to = os.pipe()
    out, out_write = os.pipe()
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    flags += [f"--user-data-dir={folder}", "--remote-debugging-pipe", "--no-first-run"]
    browser = subprocess.Popen(
        [sys.executable, "-c", MOVED, str(to_read), str(out_write), program(), *flags],
        pass_fds=(to_read, out_write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_read)
    os.close(out_write)
    try:
        yield Page(to, out)
    finally:
        os.close(to)
        os.close(out)
        try:
            browser.wait(20)
        except subprocess.TimeoutExpired:
            browser.kill()
            browser.wait()
