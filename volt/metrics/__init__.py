# SPDX-License-Identifier: Apache-2.0
"""The metrics of volt: what it counts, and their format."""
