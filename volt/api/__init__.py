# SPDX-License-Identifier: Apache-2.0
"""The REST API: its routes, what they take, what they answer."""
