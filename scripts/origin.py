#!/usr/bin/env python3
"""origin.py PORT [ADDRESS]: the demo origin behind the quickstart. /products/123 and /123 answer the walkthrough's product; everything else
echoes the request it saw as JSON. ADDRESS is 127.0.0.1 when it is not given."""
import http.server
import json
import sys

PRODUCT = {"id": 123, "name": "Awesome Gadget", "price": 99.99}


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        seen = {"method": self.command, "path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()},
                "body": body.decode("latin1")}
        found = self.path.split("?")[0] in ("/products/123", "/123")
        out = json.dumps(PRODUCT if found else seen, separators=(",", ":")).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_message(self, *_):
        pass


address = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"
server = http.server.ThreadingHTTPServer((address, int(sys.argv[1])), Origin)
server.daemon_threads = True
server.serve_forever()
