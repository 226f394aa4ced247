# SPDX-License-Identifier: Apache-2.0
"""The sources of an image, wanted and live.

:mod:`keeper` is the thread that keeps the two in line, :mod:`links` the
sessions that are up and the multipath device above them, :mod:`failures`
what cannot be read from now.
"""
