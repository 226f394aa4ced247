# SPDX-License-Identifier: Apache-2.0
"""The digests of the images that this node serves from files.

They are computed in the background, one at a time, once for each content: the
result is kept in ``state_dir`` with its *generation*, which is made of the
file's inode, size and time of change.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from virtman.drivers import digest
from virtman.exception import VirtmanError
from virtman.state import files
from virtman.worker import Worker

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """An image's file whose digest is wanted."""

    image: str
    file: Path
    generation: str


class Digests:
    """Known digests, and the thread that computes the others.

    :param folder: where they are kept, a small JSON file for each image.
    :param generation_of: reads a file's generation, None if it is gone.
    :param report: is called with an image whose digest has become known.
    """

    def __init__(
        self,
        folder: Path,
        generation_of: Callable[[Path], str | None],
        report: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._generation_of = generation_of
        self._report = report
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._current: Job | None = None
        self._unwanted = threading.Event()
        self._worker = Worker("digests", self._wait_and_compute, self._wake)
        self._started = False

    def get(self, image: str, generation: str) -> str | None:
        """Return the digest of a generation of an image if it is known."""
        try:
            kept = json.loads(self._file(image).read_text())
            if kept["generation"] == generation:
                return str(kept["digest"])
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return None

    def want(self, job: Job) -> bool:
        """Queue a file for its digest; return whether that is to be done."""
        if self.get(job.image, job.generation):
            return False
        with self._changed:
            ending = self._worker.ending.is_set()
            if ending or job in self._jobs or job == self._current:
                return not ending
            self._jobs.append(job)
            self._changed.notify_all()
            if not self._started:
                self._started = True
                self._worker.start()
        return True

    def forget(self, image: str) -> None:
        """Stop computing an image's digest, and remove the kept one."""
        with self._changed:
            self._jobs = deque(j for j in self._jobs if j.image != image)
            if self._current and self._current.image == image:
                self._current = None
                self._unwanted.set()
            self._file(image).unlink(missing_ok=True)

    def stop(self) -> None:
        """End the thread and its child; returns when they have ended."""
        self._worker.stop()

    def _wake(self) -> None:
        with self._changed:
            self._unwanted.set()
            self._changed.notify_all()

    def _wait_and_compute(self) -> None:
        job = self._next()
        if job is None:
            return
        try:
            self._compute(job)
        except (VirtmanError, OSError) as error:
            LOG.warning("%s has no digest: %s", job.image, error)
        except Exception:
            LOG.exception("%s has no digest", job.image)

    def _next(self) -> Job | None:
        """Wait for a job and return it; None at the end."""
        with self._changed:
            self._current = None
            ending = self._worker.ending
            self._changed.wait_for(lambda: self._jobs or ending.is_set())
            if ending.is_set():
                return None
            self._unwanted.clear()
            self._current = self._jobs.popleft()
            return self._current

    def _compute(self, job: Job) -> None:
        result = digest.sha256(job.file, self._unwanted)
        if result is None:
            return
        if self._generation_of(job.file) != job.generation:
            LOG.warning(
                "%s has no digest: %s was changed while it was read",
                job.image, job.file,
            )  # fmt: skip
            return
        with self._changed:
            if self._current != job:
                return
            self._write(job, result)
        LOG.info("the digest of %s is %s", job.image, result)
        self._report(job.image)

    def _write(self, job: Job, result: str) -> None:
        """Write the digest of a file, whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._file(job.image)
        content = {"generation": job.generation, "digest": result}
        files.write_whole(file, json.dumps(content) + "\n")

    def _file(self, image: str) -> Path:
        return self._folder / f"{image}.json"
