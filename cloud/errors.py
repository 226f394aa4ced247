# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with the trial itself."""


class CloudError(Exception):
    """A part of the trial cannot be had; says which, and its last words."""
