# SPDX-License-Identifier: GPL-2.0
"""A headless Chromium over its own pipe, and what its screenshots show; standard library only."""
import base64
import json
import os
import shutil
import struct
import subprocess
import tempfile
import time
import zlib


def program():
    """Chromium's program, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One tab. What it logs, throws and asks the network for is kept."""

    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="earmark-page.")
        to_r, self.to_w = os.pipe()
        self.from_r, from_w = os.pipe()
        # the browser reads commands from descriptor 3 and answers on 4
        command = 'exec 3<&%d 4>&%d; exec "$@"' % (to_r, from_w)
        arguments = [program(), "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
                     "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
                     "--disable-component-update", "--hide-scrollbars", "--user-data-dir=" + self.home, "about:blank"]
        self.process = subprocess.Popen(["bash", "-c", command, "browser"] + arguments, pass_fds=(to_r, from_w),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_r)
        os.close(from_w)
        self.rest, self.number, self.events = b"", 0, []
        self.session = None
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def message(self):
        while b"\0" not in self.rest:
            piece = os.read(self.from_r, 1 << 20)
            if not piece:
                raise RuntimeError("the browser is gone")
            self.rest += piece
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def call(self, method, **params):
        self.number += 1
        order = {"id": self.number, "method": method, "params": params}
        if self.session:
            order["sessionId"] = self.session
        data = json.dumps(order).encode() + b"\0"
        while data:
            data = data[os.write(self.to_w, data):]
        while True:
            m = self.message()
            if m.get("id") == self.number:
                if "error" in m:
                    raise RuntimeError("%s: %s" % (method, m["error"]["message"]))
                return m["result"]
            self.events.append(m)

    def size(self, width, height, phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def dark(self, on):
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if on else "light"}])

    def ask(self, expression):
        r = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in r:
            raise RuntimeError("%s: %s" % (expression, r["exceptionDetails"].get("text")))
        return r["result"].get("value")

    def open(self, path):
        """Loads a file. Return: seconds until the page had drawn everything."""
        self.events = []
        start = time.monotonic()
        self.call("Page.navigate", url="file://" + os.path.abspath(path))
        while time.monotonic() - start < 30:
            if self.ask("document.readyState === 'complete' && location.protocol === 'file:'"):
                break
            time.sleep(0.02)
        self.ask("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(1))))")
        return time.monotonic() - start

    def complaints(self):
        """Console errors, uncaught exceptions and log entries (a refused script is one)."""
        found = []
        for e in self.events:
            p = e.get("params", {})
            if e["method"] == "Runtime.exceptionThrown":
                found.append(p["exceptionDetails"].get("exception", {}).get("description") or "exception")
            elif e["method"] == "Runtime.consoleAPICalled" and p["type"] in ("error", "warning", "assert"):
                found.append("console: " + str([a.get("value") for a in p["args"]]))
            elif e["method"] == "Log.entryAdded" and p["entry"]["level"] in ("error", "warning"):
                found.append("log: " + p["entry"]["text"])
        return found

    def requests(self):
        """Every address asked for but the page's own file and what it carries itself."""
        urls = [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]
        return [u for u in urls if not u.startswith("data:")][1:]

    def picture(self, selector=None, n=0):
        """A screenshot: of the window, or of the @n-th element that matches, scrolled to."""
        options = {"format": "png"}
        if selector:
            box = self.ask("(e => { e.scrollIntoView({behavior: 'instant'}); const b = e.getBoundingClientRect();"
                           "return [b.x + scrollX, b.y + scrollY, b.width, b.height] })"
                           "(document.querySelectorAll(%s)[%d])" % (json.dumps(selector), n))
            options["clip"] = {"x": box[0], "y": box[1], "width": box[2], "height": box[3], "scale": 1}
        return Picture(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=bool(selector),
                                                  **options)["data"]))

    def pdf(self):
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    def tree(self):
        """What a screen reader is given: [(role, name)]."""
        self.call("Accessibility.enable")
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [(n.get("role", {}).get("value"), n.get("name", {}).get("value") or "") for n in nodes
                if not n.get("ignored")]

    def key(self, name, code):
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)


class Picture:
    """A PNG of 8 bits a channel, not interlaced, as Chromium writes it."""

    def __init__(self, png):
        self.png = png
        if png[:8] != b"\x89PNG\r\n\x1a\n":
            raise ValueError("not a PNG")
        at, data = 8, b""
        while at < len(png):
            length, kind = struct.unpack(">I4s", png[at:at + 8])
            body = png[at + 8:at + 8 + length]
            if kind == b"IHDR":
                self.width, self.height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
                if depth != 8 or colour not in (2, 6) or interlace:
                    raise ValueError("a kind of PNG that is not read here")
                self.channels = 3 if colour == 2 else 4
            elif kind == b"IDAT":
                data += body
            at += 12 + length
        self.rows = self.unfilter(zlib.decompress(data))

    def unfilter(self, raw):
        bpp, stride = self.channels, self.width * self.channels
        above, rows = bytearray(stride), []
        for y in range(self.height):
            at = y * (stride + 1)
            how, row = raw[at], bytearray(raw[at + 1:at + 1 + stride])
            if how == 1:
                for i in range(bpp, stride):
                    row[i] = (row[i] + row[i - bpp]) & 255
            elif how == 2:
                row = bytearray((a + b) & 255 for a, b in zip(row, above))
            elif how == 3:
                for i in range(stride):
                    row[i] = (row[i] + ((row[i - bpp] if i >= bpp else 0) + above[i]) // 2) & 255
            elif how == 4:
                for i in range(stride):
                    a, b = (row[i - bpp] if i >= bpp else 0), above[i]
                    c = above[i - bpp] if i >= bpp else 0
                    pa, pb, pc = abs(b - c), abs(a - c), abs(a + b - 2 * c)
                    row[i] = (row[i] + (a if pa <= pb and pa <= pc else b if pb <= pc else c)) & 255
            rows.append(row)
            above = row
        return rows

    def count(self, colour, near=24):
        """Pixels of about that "#rrggbb"."""
        want = [int(colour[i:i + 2], 16) for i in (1, 3, 5)]
        n = self.channels
        return sum(1 for row in self.rows for x in range(0, self.width * n, n)
                   if all(abs(row[x + k] - want[k]) <= near for k in range(3)))

    def colours(self):
        n = self.channels
        return len({bytes(row[x:x + 3]) for row in self.rows for x in range(0, self.width * n, n)})
