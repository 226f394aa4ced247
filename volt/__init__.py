# SPDX-License-Identifier: Apache-2.0
"""The coordinator: who serves which image to whom."""
