# SPDX-License-Identifier: Apache-2.0
"""The whole run: everything up, the chapters in order, everything down."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keystoneauth1.exceptions
import openstack.exceptions

from cloud.control_plane.control import ControlPlane
from cloud.errors import CloudError
from cloud.horizon import chapter as horizon
from cloud.namespace import inside
from cloud.nodes.machines import Machines, specs
from cloud.plan import Plan
from cloud.story import faults, launch, life, removal
from cloud.story.stage import Stage
from demo.telling import Teller
from demo.tools import ImageError
from lab.cluster import Cluster
from lab.errors import LabError
from lab.lockfile import locked

Chapter = Callable[[Stage], Mapping[str, Any]]
# Failures of a cloud; any other exception is a mistake in this program.
_TROUBLE = (
    CloudError,
    LabError,
    ImageError,
    openstack.exceptions.SDKException,
    # A service that does not answer.
    keystoneauth1.exceptions.ClientException,
)


class CloudRun:
    """One run below a folder; ``facts`` grow as it goes on.

    :param folder: of configuration, logs, data and pictures.
    """

    def __init__(self, folder: Path, teller: Teller) -> None:
        self._folder = folder
        self._teller = teller
        self.facts: dict[str, Any] = {}
        self.failures: dict[str, str] = {}

    @contextlib.contextmanager
    def standing(self) -> Iterator[Stage]:
        """Take the cloud up; take it down at the end, in any case."""
        with _alone(self._folder), self._standing() as stage:
            yield stage

    @contextlib.contextmanager
    def _standing(self) -> Iterator[Stage]:
        plan = Plan(self._folder)
        say, step = self._teller.say, self._teller.step
        cluster = Cluster(
            self._folder.parent / "lab" / "openstack", specs(), say=say
        )
        plan.prepare()
        control_plane = ControlPlane(plan, say)
        control_plane.configure()
        with contextlib.ExitStack() as stack:
            stack.callback(self._down, cluster)
            with step("machines", "Booting three machines"):
                cluster.down()
                cluster.up()
            stack.enter_context(inside(cluster.network.namespace))
            stack.callback(control_plane.stop)
            with step("plane", "Starting OpenStack's services"):
                control_plane.start()
            machines = Machines(plan, cluster, say)
            with step("nodes", "Starting what runs on the machines"):
                machines.start()
                machines.wait_reported()
            yield Stage(plan, control_plane, machines, say)

    def story(self) -> None:
        """Take the cloud up, go through the chapters, take it down."""
        with self.standing() as stage:
            image: list[Any] = []

            def uploaded(stage: Stage) -> Mapping[str, Any]:
                image.append(launch.upload(stage, self._folder))
                return {"image_bytes": image[0].size}

            def launched(stage: Stage) -> Mapping[str, Any]:
                return launch.servers(stage, _id(image))

            def refused(stage: Stage) -> Mapping[str, Any]:
                return faults.causes(stage, _id(image))

            chapters: dict[str, tuple[str, Chapter]] = {
                "upload": ("Uploading the image to Glance", uploaded),
                "launch": ("Launching four servers", launched),
                "reboot": ("Rebooting, stopping, starting", life.reboot),
                "power_cut": ("Cutting a node's power", life.power_cut),
                "evacuate": ("Giving a node up", life.evacuate),
                "horizon": (
                    "Launching in Horizon",
                    horizon.launch_and_delete,
                ),
                "delete": ("Deleting all servers", removal.delete),
                "faults": ("Bad input and failures", refused),
                "leftovers": ("Looking for leftovers", removal.leftovers),
            }
            for name, (title, chapter) in chapters.items():
                self._tell(name, title, chapter, stage)

    def _tell(
        self, name: str, title: str, chapter: Chapter, stage: Stage
    ) -> None:
        """Run a chapter; the others follow even if it fails."""
        with self._teller.step(name, title):
            try:
                self.facts |= chapter(stage)
            except _TROUBLE as error:
                self.failures[name] = str(error)
                self._teller.say(f"FAILED: {error}")

    def _down(self, cluster: Cluster) -> None:
        with self._teller.step("down", "Taking everything down"):
            cluster.down()


def _id(uploaded: Sequence[Any]) -> str:
    """Return the id of the image.

    :raises CloudError: it was not uploaded.
    """
    if not uploaded:
        raise CloudError("there is no image in Glance")
    return str(uploaded[0].id)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder: one run works in it at a time.

    :raises CloudError: there is another.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / "lock"))
        except BlockingIOError:
            raise CloudError(
                f"another run is at work in {folder}; end it first, or "
                "give this one its own --build"
            ) from None
        yield
