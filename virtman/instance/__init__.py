# SPDX-License-Identifier: Apache-2.0
"""One VM's disk: its snapshot, and the copy-on-write store below it."""
