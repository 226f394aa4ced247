# SPDX-License-Identifier: Apache-2.0
"""The types of ``vmtapi``, which itself must stay readable to Python 2."""

import builtins
from xmlrpc.client import Fault as Fault
from xmlrpc.client import ProtocolError as ProtocolError
from xmlrpc.client import ServerProxy

PORT: int
IQN_PREFIX: str
CONNECT_SECONDS: float

def create(
    node_ip: str,
    instance_name: str,
    image_name: str,
    image_server_ip: str,
    image_server_port: int = 3260,
    iqn_prefix: str = ...,
    target_lun: int = 1,
    snapshot_dev: str | None = None,
    port: int = ...,
    timeout: float | None = None,
    token: str | None = None,
) -> str: ...
def destroy(
    node_ip: str,
    instance_name: str,
    port: int = ...,
    timeout: float | None = None,
    token: str | None = None,
) -> str: ...
def list(
    node_ip: str,
    port: int = ...,
    timeout: float | None = None,
    token: str | None = None,
) -> builtins.list[str]: ...
def list_inactive(
    node_ip: str,
    port: int = ...,
    timeout: float | None = None,
    token: str | None = None,
) -> builtins.list[str]: ...
def create_image_target(
    image_server_ip: str,
    image_name: str,
    file_path: str,
    loop_dev: str | None = None,
    iqn_prefix: str = ...,
    port: int = ...,
    timeout: float | None = None,
    token: str | None = None,
) -> str: ...
def destroy_image_target(
    image_server_ip: str,
    image_name: str,
    port: int = ...,
    timeout: float | None = None,
    token: str | None = None,
) -> str: ...
def list_image_target(
    image_server_ip: str,
    port: int = ...,
    timeout: float | None = None,
    token: str | None = None,
) -> builtins.list[str]: ...
def server(
    address: str,
    port: int = ...,
    timeout: float | None = None,
    token: str | None = None,
) -> ServerProxy: ...
def known_token(path: str | None = None) -> str | None: ...
