# SPDX-License-Identifier: Apache-2.0
"""Cache engines: they keep every block on this node that was read once."""
