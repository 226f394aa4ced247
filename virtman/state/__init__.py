# SPDX-License-Identifier: Apache-2.0
"""The files in which the agent keeps what must outlive it."""
