# SPDX-License-Identifier: Apache-2.0
"""The handlers of the routes: one file a resource."""
