# SPDX-License-Identifier: Apache-2.0
"""``volt.wsgi:application`` for any WSGI server.

It reads the file that VOLT_CONF names, else /etc/volt/volt.conf.  The
evictor is not started here: let one volt-api run beside such servers, on
the same registry.
"""

import os
from typing import Any

from volt import compose, conf


def init_application() -> Any:
    """Return the application as it is configured."""
    path = os.environ.get('VOLT_CONF', conf.DEFAULT_FILE)
    options = conf.new()
    conf.load(options, [f'--config-file={path}'])
    return compose.compose(options).application


def __getattr__(name: str) -> Any:
    """Build ``application`` when a server asks for it, not on import."""
    if name == 'application':
        return init_application()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
