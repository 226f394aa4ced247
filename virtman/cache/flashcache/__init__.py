# SPDX-License-Identifier: Apache-2.0
"""The original's cache engine: a flashcache group over an SSD."""
