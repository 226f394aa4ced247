# SPDX-License-Identifier: Apache-2.0
"""Messages for a volume's owner when no volume could be made of an image.

Nova says of such a launch only that the volume is in ``error``; ``openstack
volume message list`` and Horizon's tab *Messages* say why.  Cinder has a fixed
list of reasons (cinder/message/message_field.py), so that nothing of a backend
reaches a user.  The reason and the remedy are in cinder-volume's log, under
the message's request id.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from cinder import exception
from cinder.message import api, message_field

from virtmanclient.cinder import glance

_DETAIL = message_field.Detail
# The first that fits is used, so a class stands before its base class.
_REASONS = (
    (glance.TooLarge, _DETAIL.NOT_ENOUGH_SPACE_FOR_IMAGE),
    (exception.ImageTooBig, _DETAIL.NOT_ENOUGH_SPACE_FOR_IMAGE),
    (
        exception.ImageSignatureVerificationException,
        _DETAIL.SIGNATURE_VERIFICATION_FAILED,
    ),
    (exception.ImageUnacceptable, _DETAIL.IMAGE_FORMAT_UNACCEPTABLE),
    (Exception, _DETAIL.DRIVER_FAILED_CREATE),
)


@contextlib.contextmanager
def of_an_image(context: Any, volume: Any) -> Iterator[None]:
    """Leave a message if making a volume fails; the error is raised on."""
    try:
        yield
    except Exception as error:
        reason = next(
            detail for kind, detail in _REASONS if isinstance(error, kind)
        )
        api.API().create(
            context,
            message_field.Action.COPY_IMAGE_TO_VOLUME,
            resource_uuid=volume.id,
            detail=reason,
        )
        raise
