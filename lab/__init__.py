# SPDX-License-Identifier: Apache-2.0
"""An emulated cluster: real kernels, wires and power cords on one machine.

``Cluster`` is all one needs; ``python -m lab -h`` is the same by hand, and
doc/source/lab.rst tells how it works.
"""

from lab.cluster import Cluster
from lab.errors import (
    ClusterBusy,
    CommandFailed,
    CommandTimeout,
    LabError,
    MissingTool,
    NodeDown,
    NotInTime,
)
from lab.node import Node, Result
from lab.process import Process
from lab.spec import NodeSpec

__all__ = [
    "Cluster",
    "ClusterBusy",
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
]
