# SPDX-License-Identifier: Apache-2.0
"""The trees: who joins, who reads from whom, what is listed."""
