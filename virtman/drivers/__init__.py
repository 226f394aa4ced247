# SPDX-License-Identifier: Apache-2.0
"""One module a tool: its calls and its answers, and no policy of its own."""
