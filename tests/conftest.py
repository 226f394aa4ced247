# SPDX-License-Identifier: Apache-2.0
"""What all tests begin with."""

import signal

# A shell has what it runs in the background ignore Ctrl-C, and the programs
# that tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
