# SPDX-License-Identifier: Apache-2.0
"""The commands of ``virtman``: one file a noun, one class a command."""
