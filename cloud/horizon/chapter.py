# SPDX-License-Identifier: Apache-2.0
"""The chapter of a user in a browser, with Horizon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cloud.control_plane import catalog
from cloud.daemons import run
from cloud.errors import CloudError
from cloud.horizon import serve
from cloud.story import removal
from cloud.story.stage import Stage

NAME = "clicked"
_CLICKS = Path(__file__).parent / "clicks.py"
_PATIENCE = 3000.0


def launch_and_delete(stage: Stage) -> dict[str, Any]:
    """Have the member launch and delete a server in a browser."""
    plan = stage.plan
    stage.control_plane.keep(serve.start(plan))
    stage.say("Horizon answers")
    asked = {
        "url": plan.url("horizon"),
        "user": catalog.USER,
        "password": plan.password(catalog.USER),
        "folder": str(plan.folder),
        "name": NAME,
        "image": catalog.IMAGE,
        "flavor": catalog.FLAVOR,
        "network": catalog.NETWORK,
    }
    output = run(
        "the browser",
        [plan.program("horizon", "python"), _CLICKS],
        env={"HOME": str(plan.data("horizon"))},
        stdin=json.dumps(asked),
        timeout=_PATIENCE,
    )
    seen = json.loads(output)
    stage.say(f"{NAME} was {seen['status']} in Horizon and is deleted there")
    # The dialog proposes to keep it.
    removal.delete_volumes(stage)
    if (seen["status"], seen["volume_type"]) != ("Active", "virtman"):
        raise CloudError(f"Horizon showed {seen}")
    return {"horizon_ok": True, "horizon": seen}
