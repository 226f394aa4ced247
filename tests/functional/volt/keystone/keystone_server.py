# SPDX-License-Identifier: Apache-2.0
"""Serves keystone on a port of the loopback: for build/keystone's Python.

The configuration is the one that OS_KEYSTONE_CONFIG_FILES names.
"""

import socketserver
import sys
from wsgiref import simple_server


class Server(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True


class Quiet(simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


def main():
    port = int(sys.argv.pop())
    # keystone reads the rest of the command line.
    from keystone.wsgi.api import application

    simple_server.make_server(
        "127.0.0.1", port, application, Server, Quiet
    ).serve_forever()


if __name__ == "__main__":
    main()
