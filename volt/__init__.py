# SPDX-License-Identifier: Apache-2.0
"""The coordinator: which node serves which image to which other node."""
