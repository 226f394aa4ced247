# SPDX-License-Identifier: Apache-2.0
"""What all tests begin with."""

import signal

from hypothesis import HealthCheck, settings

# How long an example takes says more about the machine than about us: on a
# busy one the default of 0.2 s failed tests that were right.
settings.register_profile(
    'ours', deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile('ours')

# A shell has what it runs in the background ignore Ctrl-C, and the programs
# that tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
