# SPDX-License-Identifier: Apache-2.0
"""The original's import path of the exceptions."""
