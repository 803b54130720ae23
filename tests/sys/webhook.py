#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""webhook.py PORT MODE-FILE LOG KEY - a receiver of alerts that behaves as MODE-FILE says.

ok: 204; 500: that; hang: never answers; close: hangs up in the middle. One line of LOG for each
request: MODE, whether signature and idempotency key are right, and the body.
"""
import hashlib
import hmac
import http.server
import json
import sys
import time

port, mode_file, log, key = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4].encode()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with open(mode_file, encoding="utf-8") as f:
            mode = f.read().strip()
        want = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
        signed = hmac.compare_digest(self.headers.get("X-Earmark-Signature", ""), want)
        entry = json.loads(body)
        if self.headers.get("Idempotency-Key") != f'"{entry.get("id")}"' and "id" in entry:
            signed = False
        with open(log, "a", encoding="utf-8") as f:
            f.write(f"{mode} {'signed' if signed else 'unsigned'} {body.decode()}\n")
        if mode == "hang":
            time.sleep(60)
        elif mode == "close":
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 204 No Cont")
        else:
            self.send_response(204 if mode == "ok" else 500)
            self.end_headers()

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


Server(("127.0.0.1", port), Handler).serve_forever()
