# SPDX-License-Identifier: Apache-2.0
"""Schemas of the service itself: versions, health, metrics, errors."""

from __future__ import annotations

from volt.api.schemas.common import kind, listing, record

_LINK = record(rel=kind("string", "self"), href=kind("string", "Its URL."))
_VERSION = record(
    id=kind("string", "v and a number"),
    status=kind("string", "CURRENT: the one to use."),
    links=listing(_LINK),
)
VERSIONS = record(versions=listing(_VERSION))
VERSION = record(version=_VERSION)

HEALTH = record(
    status=kind("string", "ok", enum=["ok"]),
    version=kind("string", "Of volt."),
    revision=kind("string", "Of the tables of the registry."),
    evicting=kind(
        "boolean", "Whether some process has the duty of evicting now."
    ),
)
DOCUMENT = kind("object", "A document of OpenAPI 3.1.")
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
METRICS = kind("string", "The text format of Prometheus.")

ERROR = record(
    error=record(
        code=kind("string", "For programs; never changes."),
        title=kind("string", "The name of the status."),
        message=kind("string", "For people: what is wrong, and the remedy."),
        request_id=kind("string", "Finds the request in the log of volt."),
    )
)
