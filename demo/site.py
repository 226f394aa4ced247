# SPDX-License-Identifier: Apache-2.0
"""VMThunder on an emulated cluster: a master and compute nodes, running.

The master runs volt and serves images; every node runs the agent.  All of it
is started the way an operator does: configuration files, console scripts,
logs.  The demo and the lab's tests stand on the same site.
"""

from __future__ import annotations

import functools
import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from demo.operator import follow
from demo.waiting import at_once, side_by_side, sparing
from lab import services
from lab.cluster import Cluster
from lab.errors import ToolFailed
from lab.node import Node
from lab.process import Process

__all__ = ["CHECKOUT", "DOOR_KEY", "IQN", "Site", "side_by_side"]

CHECKOUT = Path(__file__).resolve().parent.parent
DOOR_KEY = "/etc/virtman/rpc-token"
IQN = "iqn.2010-10.org.openstack:volume-"
# Seconds until a daemon answers; an agent took up to 60 when four started at
# once on two loaded cores.
START_TIMEOUT = 300.0

_RPC = """
import json, sys
sys.path.insert(0, sys.argv[1] + "/virtmanclient")
import vmtapi
verb, arguments = json.loads(sys.argv[2])
print(json.dumps(getattr(vmtapi, verb)(*arguments)))
"""


class Site:
    """The daemons of one cluster; the first node is the master."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.master, *self.computes = cluster.nodes.values()
        self._token, self._rpc_token = (secrets.token_hex(16) for _ in "ab")
        self._daemons: dict[str, Process] = {}
        self._volt_options: dict[str, Any] = {}
        self._options: dict[str, Any] = {}

    @property
    def nodes(self) -> list[Node]:
        """The master and the compute nodes."""
        return [self.master, *self.computes]

    def start(
        self, volt: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        """Start storage daemons, volt and all agents; wait for answers.

        :param volt: more options of volt.conf.
        :param options: more options of virtman.conf, for every node.
        """
        self._volt_options, self._options = dict(volt or {}), options
        side_by_side(services.start_storage, self.nodes)
        # All at once: an agent does not need volt to come up.
        at_once(
            [self.start_volt]
            + [functools.partial(self.start_agent, n) for n in self.nodes]
        )

    def start_volt(self, **options: Any) -> None:
        """Start volt-api on the master and wait for its port.

        :param options: more options of volt.conf.
        """
        given = {**self._volt_options, **options}
        more = "".join(f"{key} = {given[key]}\n" for key in given)
        conf = (
            f"[DEFAULT]\nbind_host = {self.master.address}\n"
            "auth_strategy = token\ntoken_file = /etc/volt/token\n"
            f"state_dir = /var/lib/virtman/volt\n{more}"
        )
        self._put_token(self.master, "/etc/volt/token", self._token)
        self.master.put("/etc/volt/volt.conf", conf.encode())
        self._daemons["volt"] = self.master.start(
            [self.script("volt-api"), "--config-file=/etc/volt/volt.conf"],
            log="volt",
        )
        self._wait_port(self.master, 7447, self._daemons["volt"])

    def start_agent(
        self, node: Node, user: str | None = None, **options: Any
    ) -> None:
        """Start virtman-server on a node and wait for its door.

        :param user: the user that runs the agent, if not root.
        :param options: more options of virtman.conf.
        """
        given = {
            "host_ip": node.address,
            "master_ip": self.master.address,
            "master_token_file": "/etc/virtman/token",
            "image_dirs": "/var/lib/virtman",
            "rpc_token_file": DOOR_KEY,
            "debug": "true",
            **self._options,
            **options,
        }
        lines = [f"{key} = {value}" for key, value in given.items()]
        conf = "\n".join(["[DEFAULT]", *lines, ""])
        self._put_token(node, "/etc/virtman/token", self._token, user)
        self._put_token(node, DOOR_KEY, self._rpc_token, user)
        node.put("/etc/virtman/virtman.conf", conf.encode())
        self._daemons[node.name] = node.start(
            [
                *_as_user(user),
                self.script("virtman-server"),
                "--config-file=/etc/virtman/virtman.conf",
            ],
            log="virtman",
        )
        self._wait_port(node, 7774, self._daemons[node.name])

    def stop_volt(self, signal: str = "TERM") -> int | None:
        """End volt-api and return its exit code."""
        return self._stop("volt", signal)

    def stop_agent(self, node: Node, signal: str = "TERM") -> int | None:
        """End a node's agent and return its exit code."""
        return self._stop(node.name, signal)

    def stop(self) -> None:
        """End every daemon that still runs, all at once."""
        stop = functools.partial(self._stop, signal="TERM")
        at_once([functools.partial(stop, name) for name in self._daemons])

    def call(
        self, node: Node, verb: str, *arguments: Any, timeout: float = 180
    ) -> Any:
        """Call a function of vmtapi for a node.

        Python starts in a twentieth of the time outside of an emulated node,
        so the caller is the host, unless the node's cable is out.
        """
        asked = json.dumps([verb, [node.address, *arguments]])
        words = ["-S", "-c", _RPC, str(CHECKOUT), asked]
        if node.linked():
            key = {"VIRTMAN_TOKEN": self._rpc_token}
            argv = [sys.executable, *words]
            run = self.cluster.network.run
            return json.loads(run(argv, env=key, timeout=timeout))
        key_file = f"VIRTMAN_TOKEN_FILE={DOOR_KEY}"
        argv = ["env", key_file, "python3", *words]
        return json.loads(node.run(argv, timeout=timeout).stdout)

    def operate(
        self,
        script: str,
        file: Path,
        each: Callable[[str], None],
        timeout: float = 900,
    ) -> tuple[int, str]:
        """Run an operator's command on a file of steps, from the host.

        :param each: is given each line of its progress.
        :return: its exit code and the table that it printed.
        """
        argv = self.cluster.network.enter([self.script(script), str(file)])
        key = {"VIRTMAN_TOKEN": self._rpc_token}
        return follow(argv, each, env=key, timeout=timeout)

    def create(
        self,
        node: Node,
        vm: str,
        image: str,
        *,
        device: str | None = None,
        server: Node | None = None,
    ) -> str:
        """Create a VM's disk on a node; return the agent's answer.

        :param server: the node that serves the image, if not the master.
        """
        address = (server or self.master).address
        rest = [3260, IQN.removesuffix("volume-"), 1, device]
        answer = self.call(node, "create", vm, image, address, *rest)
        return str(answer)

    def wait_idle_computes(self, timeout: float = 300) -> None:
        """Wait until no compute node holds a device, session or target."""

        def idle(node: Node) -> bool:
            return all(item["kind"] == "process" for item in node.leftovers())

        side_by_side(
            lambda node: node.wait_until(
                sparing(functools.partial(idle, node)),
                timeout=timeout,
                goal=f"{node.name} has no device, session or target any more",
            ),
            self.computes,
        )

    def script(self, name: str) -> str:
        """Return the path of a console script of the project."""
        return str(CHECKOUT / ".venv" / "bin" / name)

    def revive(
        self, node: Node, boot: Callable[[Node], object] | None = None
    ) -> None:
        """Give a node that lost its power all its daemons again.

        :param boot: what happens on it before the agent starts.
        """
        self._daemons.pop(node.name, None)
        node.power_on()
        services.start_storage(node)
        if boot is not None:
            boot(node)
        self.start_agent(node)

    def _put_token(
        self, node: Node, path: str, secret: str, user: str | None = None
    ) -> None:
        owner = ["-o", user or "root"]
        argv = ["install", "-Dm", "600", *owner, "/dev/stdin", path]
        node.run(argv, input=secret)

    def _wait_port(self, node: Node, port: int, process: Process) -> None:
        """Wait until a daemon answers; raise with its log if it ends."""

        def answers() -> bool:
            code = process.poll()
            if code is not None:
                log = node.log("volt" if port == 7447 else "virtman")
                raise RuntimeError(
                    f"{process.name} on {node.name} ended with {code}:\n"
                    f"{log.read_text()[-2000:]}"
                )
            return self._connects(node, port)

        goal = f"{node.address}:{port} answers"
        node.wait_until(answers, timeout=START_TIMEOUT, goal=goal)

    def _connects(self, node: Node, port: int) -> bool:
        """Try a port, from the host if the node's cable is in.

        A program in the node would take the only processor from the daemon.
        """
        ask = ["bash", "-c", f"exec 3<>/dev/tcp/{node.address}/{port}"]
        if not node.linked():
            return node.run(ask, check=False).code == 0
        try:
            self.cluster.network.run(ask, timeout=10)
        except (ToolFailed, subprocess.TimeoutExpired):
            return False
        return True

    def _stop(self, name: str, signal: str) -> int | None:
        process = self._daemons.pop(name, None)
        if process is None:
            return None
        process.kill(signal)
        return process.wait(60)


def _as_user(user: str | None) -> list[str]:
    """Return the words that run the command after them as a user."""
    if user is None:
        return []
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
