# SPDX-License-Identifier: Apache-2.0
"""The agent's side of the coordinator: its calls, the answers, the beats."""
