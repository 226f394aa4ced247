# SPDX-License-Identifier: Apache-2.0
"""The REST API: its routes, their requests and their answers."""
