# SPDX-License-Identifier: Apache-2.0
"""What a request may contain, by JSON schema; one file a noun."""
