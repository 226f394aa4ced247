# SPDX-License-Identifier: Apache-2.0
"""Client of volt's REST API; it imports nothing of the other packages.

>>> from voltclient import Client
>>> volt = Client('http://192.168.137.101:7447', token='…')
>>> volt.volumes.list()
"""

from __future__ import annotations

from voltclient.client import Client

__all__ = ["Client"]
