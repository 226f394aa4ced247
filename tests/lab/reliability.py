# SPDX-License-Identifier: Apache-2.0
"""What the tests have broken, and what the VMs noticed of it.

Each test notes its faults, stalls and losses in one collector; at the end of
the run they are in ``build/reliability.json``.
"""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class Reliability:
    """Counts over all tests of a run.

    ``guest_errors`` are I/O errors that a reader in a VM's place saw,
    ``leftovers`` things that were left on a node, ``data_mismatches`` blocks
    that were not what they had to be.
    """

    def __init__(self) -> None:
        self._faults: Counter[str] = Counter()
        self._stalls: list[float] = []
        self._losses = Counter(guest_errors=0, leftovers=0, data_mismatches=0)
        self._sources: dict[str, dict[str, int]] = {}
        self.said: list[str] = []

    def fault(self, kind: str, times: int = 1) -> None:
        """Note faults of a kind: "agent killed", "parent power cut", ..."""
        self._faults[kind] += times

    def say(self, text: str) -> None:
        """Have a line printed at the end of the run."""
        self.said.append(text)

    def stall(self, seconds: float) -> None:
        """Note how long a reader waited at the worst during a fault."""
        self._stalls.append(seconds)

    def lost(
        self,
        *,
        guest_errors: int = 0,
        leftovers: Sequence[object] = (),
        data_mismatches: int = 0,
    ) -> None:
        """Note what must never be: each test also fails by itself."""
        self._losses["guest_errors"] += guest_errors
        self._losses["leftovers"] += len(leftovers)
        self._losses["data_mismatches"] += data_mismatches

    def read(self, found: Mapping[str, Any], during: str = "") -> None:
        """Note what tests/lab/guest/pattern.py told of a reader.

        :param during: the fault; its figures are printed.
        """
        if during:
            self.fault(during)
            self.tell(found, during)
        self.stall(found["worst_s"])
        self.lost(
            guest_errors=int(found["errors"]),
            data_mismatches=int(found["wrong"]),
        )

    def tell(self, found: Mapping[str, Any], during: str) -> None:
        """Have a reader's stall, errors and sources printed."""
        sources = found.get("read_from", {})
        self._sources[during] = dict(sources)
        told = ", ".join(
            f"{size} from {name}" for name, size in sources.items()
        )
        self.say(
            f"{during}: stall {found['worst_s']} s, {found['errors']} errors, "
            f"{found['wrong']} wrong of {found['blocks']} blocks; bytes: "
            f"{told or 'not counted'}"
        )

    def state(self) -> dict[str, Any]:
        """Return all of it for another process, whose ``absorb`` takes it."""
        return {
            "faults": dict(self._faults),
            "stalls": self._stalls,
            "losses": dict(self._losses),
            "sources": self._sources,
            "said": self.said,
        }

    def absorb(self, state: Mapping[str, Any]) -> None:
        """Add what another process has noted."""
        self._faults.update(state["faults"])
        self._stalls += state["stalls"]
        self._losses.update(state["losses"])
        self._sources.update(state["sources"])
        self.said += state["said"]

    def figures(self) -> dict[str, object]:
        """Return the file's content; a stall of None was not measured."""
        stalls = self._stalls
        return {
            "faults_injected": dict(sorted(self._faults.items())),
            "stall_median_s": statistics.median(stalls) if stalls else None,
            "stall_worst_s": max(stalls, default=None),
            **self._losses,
            "bytes_by_source": self._sources,
        }

    def write(self, file: Path) -> None:
        """Write the figures, if any fault was injected."""
        if self._faults:
            file.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(self.figures(), indent=2) + "\n"
            file.write_text(text)
