# SPDX-License-Identifier: Apache-2.0
"""The liveness of members: the eviction lease, and eviction itself."""
