# SPDX-License-Identifier: Apache-2.0
"""The programs; everything is put together here and passed down."""
