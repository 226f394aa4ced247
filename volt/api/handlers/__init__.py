# SPDX-License-Identifier: Apache-2.0
"""What each route does: one file a resource."""
