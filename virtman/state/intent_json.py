# SPDX-License-Identifier: Apache-2.0
"""The text of an intent's file: JSON that older agents read, too."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from virtman import names
from virtman.model import ImageFacts
from virtman.path import Login, Source
from virtman.state.intent import (
    ImageIntent,
    InstanceIntent,
    InstanceState,
    Intent,
    StoreIntent,
    TargetIntent,
)
from virtman.state.intent_schema import VERSION, check

# The flags in the file that stand for a state; other flags, of an older agent,
# are read by _state.
_FLAGS = {
    InstanceState.CREATING: {"fresh": True, "active": True, "leaving": False},
    InstanceState.ACTIVE: {"fresh": False, "active": True, "leaving": False},
    InstanceState.INACTIVE: {
        "fresh": False, "active": False, "leaving": False,
    },
    InstanceState.DELETING: {"fresh": False, "active": True, "leaving": True},
}  # fmt: skip
_KINDS: dict[str, type[Intent]] = {
    kind.kind: kind
    for kind in (InstanceIntent, ImageIntent, TargetIntent, StoreIntent)
}


def dumps(intent: Intent) -> str:
    """Return an intent as the text of its file."""
    fields = dataclasses.asdict(intent)
    if isinstance(intent, InstanceIntent):
        fields |= _FLAGS[fields.pop("state")]
    # Fields that are not set are left out, so that older agents read the rest.
    for name in ("remote", "serial"):
        if fields.get(name, "") is None:
            del fields[name]
    if not fields.get("blank", True):
        del fields["blank"]
    remote = [fields["remote"]] if "remote" in fields else []
    own_login = [fields] if "login" in fields else []
    for source in (*fields.get("connections", ()), *remote, *own_login):
        if source["login"] is None:
            del source["login"]
    text = {"version": VERSION, "kind": intent.kind, **fields}
    return json.dumps(text, indent=1) + "\n"


def loads(text: str) -> Intent:
    """Return the intent that the text of a file describes.

    :raises ValueError: the text is not an intent of a known version.
    """
    try:
        fields: dict[str, Any] = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    check(fields)
    del fields["version"]
    kind = _KINDS[fields.pop("kind")]
    if kind is InstanceIntent:
        fields["state"] = _state(
            **{
                flag: fields.pop(flag)
                for flag in ("fresh", "active", "leaving")
            }
        )
    if fields.get("facts"):
        fields["facts"] = ImageFacts(**fields["facts"])
    if "connections" in fields:
        fields["connections"] = tuple(
            _source(item) for item in fields["connections"]
        )
    if "remote" in fields:
        fields["remote"] = _source(fields["remote"])
    if "login" in fields:
        fields["login"] = Login(**fields["login"])
    intent: Intent = kind(**fields)
    names.check_key(intent.kind, intent.name)
    return intent


def _state(*, fresh: bool, active: bool, leaving: bool) -> InstanceState:
    """Return the state that the flags in a file stand for."""
    if leaving:
        return InstanceState.DELETING
    if not active:
        return InstanceState.INACTIVE
    return InstanceState.CREATING if fresh else InstanceState.ACTIVE


def _source(item: dict[str, Any]) -> Source:
    login = item.pop("login", None)
    return Source(**item, login=Login(**login) if login else None)
