# SPDX-License-Identifier: Apache-2.0
"""Run a batch with its progress on a terminal, and end it on Ctrl-C."""

from __future__ import annotations

from typing import TextIO

from virtmanclient.openstack.batch import Batch
from virtmanclient.openstack.progress import Line
from virtmanclient.openstack.request_state import State


def watch(batch: Batch, stream: TextIO, undo: str) -> bool:
    """Run a batch to its end; return whether it was interrupted.

    :param stream: where progress is shown
    :param undo: the command that deletes the servers that were made; empty if
        the batch makes none
    :raises CloudError: the first look at the cloud fails
    """
    line, interrupted = Line(stream), False
    try:
        for _ in batch.steps(line.tick):
            line.show(batch.records, batch.seconds, batch.error)
    except KeyboardInterrupt:
        interrupted = True
        line.close()
        batch.interrupt()
    finally:
        line.close()
    if undo and not _clean(batch):
        print(f"to delete the servers that were made: {undo}", file=stream)
    return interrupted


def _clean(batch: Batch) -> bool:
    """Tell whether all went well, or the batch has made no server."""
    states = {record.state for record in batch.records}
    return states <= {State.OK} or not any(
        record.server or record.state is State.INTERRUPTED
        for record in batch.records
    )
