# SPDX-License-Identifier: Apache-2.0
"""The doors of the agent, and the verbs behind them."""
