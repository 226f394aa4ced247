# SPDX-License-Identifier: Apache-2.0
"""Which members live: leases, and the eviction of those that do not."""
