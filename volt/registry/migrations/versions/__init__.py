# SPDX-License-Identifier: Apache-2.0
"""The steps, one file each; a released step is never changed."""
