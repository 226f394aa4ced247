# SPDX-License-Identifier: Apache-2.0
"""``voltclient.v1.client.Client``, as callers of the original write it."""

from __future__ import annotations

from voltclient.client import Client

__all__ = ["Client"]
