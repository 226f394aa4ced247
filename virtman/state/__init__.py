# SPDX-License-Identifier: Apache-2.0
"""What the agent remembers on disk, so that it outlives the agent."""
