# SPDX-License-Identifier: Apache-2.0
"""The registry: what volt knows, in SQL.  No other package speaks SQL."""
