# SPDX-License-Identifier: Apache-2.0
"""The verbs of this host, and the work that keeps it in order."""
