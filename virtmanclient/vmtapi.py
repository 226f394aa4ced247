# SPDX-License-Identifier: Apache-2.0
"""Make VM disks and image targets on a node: one call, one function.

This file stands alone.  It needs the standard library only, of Python 2.7
(Jython too) to today's, so it can be copied to another place; its types are
in ``vmtapi.pyi``.  Each function asks the server on the node named first
(``ip`` or ``ip:port``) and returns what that server returned; it prints
nothing and sends only once, for a ``create`` must not happen twice.

Answers are strings: ``0:<info>`` is success, ``1:<why>`` a refusal (the
name exists, or does not), ``2:<why>`` a failure; the lists are lists of
strings.  Raised: ``socket.error`` (Python 3: ``OSError``) when the node
cannot be reached, ``socket.timeout`` when it stays silent for ``timeout``
seconds (None: wait for ever), ``Fault`` when the server itself raised,
``ProtocolError`` with ``errcode`` 401 when it wants another ``token``.

``token`` is the node's secret (its ``rpc_token_file``).  None takes the one
in the environment: ``VIRTMAN_TOKEN``, or the first line of the file that
``VIRTMAN_TOKEN_FILE`` names; without these no token is sent.
"""
# Python 2 knows neither annotations nor f-strings, and wants (object).
# ruff: noqa: ANN001, ANN201, ANN202, ANN204, UP004, UP031

import base64 as _base64
import os as _os

try:
    import http.client as _http
    import xmlrpc.client as _xmlrpc
except ImportError:  # Python 2, Jython
    import httplib as _http
    import xmlrpclib as _xmlrpc

Fault = _xmlrpc.Fault
ProtocolError = _xmlrpc.ProtocolError
PORT = 7774
IQN_PREFIX = "iqn.2010-10.org.openstack:"
CONNECT_SECONDS = 10  # a node that is there accepts far sooner


def create(
    node_ip,
    instance_name,
    image_name,
    image_server_ip,
    image_server_port=3260,
    iqn_prefix=IQN_PREFIX,
    target_lun=1,
    snapshot_dev=None,
    port=PORT,
    timeout=None,
    token=None,
):
    """Make a VM's disk; return ``0:/dev/mapper/snapshot_<instance>``.

    ``snapshot_dev`` is a block device of that node to keep the VM's writes
    on; None lets the node make its own.
    """
    volume = _volume(image_name)
    connection = {
        "target_portal": _portal(image_server_ip, image_server_port),
        "target_iqn": iqn_prefix + volume,
        "target_lun": target_lun,
    }
    proxy = server(node_ip, port, timeout, token)
    return proxy.create(instance_name, volume, [connection], snapshot_dev)


def destroy(node_ip, instance_name, port=PORT, timeout=None, token=None):
    """Remove a VM's disk; what the VM wrote is gone with it."""
    return server(node_ip, port, timeout, token).destroy(instance_name)


def list(node_ip, port=PORT, timeout=None, token=None):
    """Return the VM disks of a node as ``<instance>:volume-<image>``."""
    return server(node_ip, port, timeout, token).list()


def list_inactive(node_ip, port=PORT, timeout=None, token=None):
    """Return a node's deactivated VM disks, in the form of ``list``."""
    return server(node_ip, port, timeout, token).list_inactive()


def create_image_target(
    image_server_ip,
    image_name,
    file_path,
    loop_dev=None,
    iqn_prefix=IQN_PREFIX,
    port=PORT,
    timeout=None,
    token=None,
):
    """Export a RAW file; return ``0:<target id>:<loop device>``.

    The file is one of the image server.  ``loop_dev`` None takes the first
    free loop device.
    """
    proxy = server(image_server_ip, port, timeout, token)
    return proxy.create_image_target(
        image_name, file_path, loop_dev, iqn_prefix
    )


def destroy_image_target(
    image_server_ip, image_name, port=PORT, timeout=None, token=None
):
    """Stop exporting an image; the file itself stays."""
    proxy = server(image_server_ip, port, timeout, token)
    return proxy.destroy_image_target(image_name)


def list_image_target(image_server_ip, port=PORT, timeout=None, token=None):
    """Return the targets: ``volume-<image>:<target id>:<loop device>``."""
    return server(image_server_ip, port, timeout, token).list_image_target()


def known_token(path=None):
    """Return the first secret of a file, else the environment's, else None.

    Raises IOError (Python 3: OSError) when a named file cannot be read, and
    ValueError when it has no secret.
    """
    if path is None and _os.environ.get("VIRTMAN_TOKEN"):
        return _os.environ["VIRTMAN_TOKEN"]
    path = path or _os.environ.get("VIRTMAN_TOKEN_FILE")
    if not path:
        return None
    with open(path) as file:  # noqa: PTH123 - Python 2 has no pathlib
        lines = [line.strip() for line in file]
    secrets = [line for line in lines if line and line[0] != "#"]
    if not secrets:
        raise ValueError("the file %s has no secret" % path)
    return secrets[0]


def _volume(image_name):
    """Return the name that nodes have for an image: ``volume-<image>``."""
    if image_name.startswith("volume-"):
        return image_name
    return "volume-" + image_name


def _portal(address, port):
    """Return ``address:port``, an IPv6 address in brackets."""
    if ":" in address and not address.startswith("["):
        address = "[" + address + "]"
    return "%s:%d" % (address, port)


def _has_port(address):
    """Tell whether an address has its own port (IPv6: ``[::1]:7774``)."""
    return address.count(":") == 1 or "]:" in address


def server(address, port=PORT, timeout=None, token=None):
    """Return an XML-RPC proxy for the server of a node."""
    if token is None:
        token = known_token()
    place = address if _has_port(address) else _portal(address, port)
    return _xmlrpc.ServerProxy(
        "http://" + place + "/RPC2",
        _Transport(timeout, token),
        allow_none=True,
    )


class _Connection(_http.HTTPConnection):
    """HTTP with a short time to connect and a long one to answer."""

    def connect(self):
        """Connect within CONNECT_SECONDS, then allow the whole timeout."""
        answer_timeout, self.timeout = self.timeout, CONNECT_SECONDS
        if answer_timeout is not None:
            self.timeout = min(answer_timeout, CONNECT_SECONDS)
        _http.HTTPConnection.connect(self)
        self.sock.settimeout(answer_timeout)


class _Transport(_xmlrpc.Transport, object):
    """XML-RPC's transport with one connection and one try a request."""

    def __init__(self, timeout, token):
        _xmlrpc.Transport.__init__(self)
        self._timeout = timeout
        if token:
            # Not in the URL: errors print URLs.
            pair = ("virtman:" + token).encode("ascii")
            encoded = str(_base64.b64encode(pair).decode("ascii"))
            self._extra_headers = [("Authorization", "Basic " + encoded)]

    def make_connection(self, host):
        """Return the connection for a request to a host."""
        place = self.get_host_info(host)[0]
        self._connection = host, _Connection(place, timeout=self._timeout)
        return self._connection[1]

    def request(self, host, handler, request_body, verbose=0):
        """Send a request once; the library would repeat it after a reset."""
        try:
            return self.single_request(host, handler, request_body, verbose)
        finally:
            self.close()
