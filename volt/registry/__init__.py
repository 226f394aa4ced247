# SPDX-License-Identifier: Apache-2.0
"""The registry: volt's state in a database.  No other package has SQL."""
