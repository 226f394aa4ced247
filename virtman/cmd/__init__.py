# SPDX-License-Identifier: Apache-2.0
"""Console entry points of virtman; the agent's services are built here."""
