# SPDX-License-Identifier: Apache-2.0
"""Raise the errors of a disk as Nova's own exceptions.

Nova shows the user 255 bytes of a message (exception_to_dict in
nova/compute/utils.py), of which 120 are its own words when it gives up after
several hosts (populate_retry in nova/scheduler/utils.py).  So the messages are
short and name no volume.  The classes are of nova.exception, because others do
not cross Nova's RPC.  ``InvalidInput`` ends a launch at once;
``InternalError`` has Nova try the next host (_build_and_run_instance in
nova/compute/manager.py).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from nova import exception

from virtmanclient import exceptions
from virtmanclient.nova.connection import InvalidConnection


@contextlib.contextmanager
def of_attaching() -> Iterator[None]:
    """Raise the errors of making a disk as Nova's.

    :raises InvalidInput: no host could make the disk
    :raises InternalError: this host could not make it
    """
    try:
        yield
    except (
        InvalidConnection,
        exceptions.InvalidRequest,
        exceptions.AlreadyExists,
    ) as error:
        raise exception.InvalidInput(reason=f"virtman: {error}") from error
    except exceptions.ClientError as error:
        raise exception.InternalError(f"virtman: {error}") from error


@contextlib.contextmanager
def of_detaching(volume: str) -> Iterator[None]:
    """Raise the errors of removing a volume's disk as Nova's.

    :raises VolumeDetachFailed: the disk is there still
    """
    try:
        yield
    except exceptions.ClientError as error:
        raise exception.VolumeDetachFailed(
            volume_id=volume, reason=f"virtman: {error}"
        ) from error
