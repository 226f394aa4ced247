# SPDX-License-Identifier: Apache-2.0
"""Who may log in where: tickets, and what is let in by them."""
