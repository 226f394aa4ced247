# SPDX-License-Identifier: Apache-2.0
"""One image on this host: its stack, its place in the tree, its cache."""
