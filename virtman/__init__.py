# SPDX-License-Identifier: Apache-2.0
"""virtman: the agent that stacks an image's devices on a compute node."""
