# SPDX-License-Identifier: Apache-2.0
"""The sources of an image, wanted and live.

:mod:`reconciler` is the thread that keeps the two in line, :mod:`live_paths`
the sessions that are up, :mod:`table` the paths under the multipath device,
:mod:`failures` the sources that cannot be read from now.
"""
