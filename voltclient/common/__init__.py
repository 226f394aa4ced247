# SPDX-License-Identifier: Apache-2.0
"""The original's way to the exceptions."""
