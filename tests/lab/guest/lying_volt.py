# SPDX-License-Identifier: Apache-2.0
"""A volt that lies: answers every request with the JSON of a file.

Runs inside a node with the system's Python and nothing else.

    lying_volt.py ADDRESS PORT FILE
"""

import http.server
import pathlib
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = pathlib.Path(sys.argv[3]).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = _answer


if __name__ == "__main__":
    place = sys.argv[1], int(sys.argv[2])
    http.server.ThreadingHTTPServer(place, Handler).serve_forever()
