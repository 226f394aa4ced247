# SPDX-License-Identifier: Apache-2.0
"""The verbs of this host, and what keeps it in order."""
