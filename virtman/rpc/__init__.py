# SPDX-License-Identifier: Apache-2.0
"""Doors: how others call the agent."""
