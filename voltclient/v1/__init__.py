# SPDX-License-Identifier: Apache-2.0
"""The original's import path of the client of version 1 of the API."""
