# SPDX-License-Identifier: Apache-2.0
"""What of the agent is on this host, and who holds it."""
