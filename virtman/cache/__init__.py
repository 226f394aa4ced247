# SPDX-License-Identifier: Apache-2.0
"""Cache engines: what keeps on this node every block that was read once."""
