# SPDX-License-Identifier: Apache-2.0
"""The original's way to the client of version 1 of the API."""
