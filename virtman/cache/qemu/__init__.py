# SPDX-License-Identifier: Apache-2.0
"""The default cache engine: a storage daemon that copies on read."""
