# SPDX-License-Identifier: Apache-2.0
"""The resources of the agent on this host, and their holders."""
