# SPDX-License-Identifier: Apache-2.0
"""os-brick's connector, with the agent's commands and without its waits."""
