# SPDX-License-Identifier: Apache-2.0
"""An emulated cluster: real kernels, wires and power cords on one machine.

A program uses ``Cluster``; ``python -m lab -h`` has the same as commands, and
doc/source/lab.rst explains how it works.
"""

from __future__ import annotations

from lab.cluster import Cluster
from lab.errors import (
    CommandFailed,
    CommandTimeout,
    LabError,
    MissingTool,
    NodeDown,
    NotInTime,
    WrongState,
)
from lab.node import Node
from lab.process import Process
from lab.shell import Result
from lab.spec import NodeSpec

__all__ = [
    "Cluster",
    "CommandFailed",
    "CommandTimeout",
    "LabError",
    "MissingTool",
    "Node",
    "NodeDown",
    "NodeSpec",
    "NotInTime",
    "Process",
    "Result",
    "WrongState",
]
