# SPDX-License-Identifier: Apache-2.0
"""One file a step; a step that was released is never changed."""
