# SPDX-License-Identifier: Apache-2.0
"""One module a tool: what it is asked, what it answered, nothing more."""
