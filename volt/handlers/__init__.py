# SPDX-License-Identifier: Apache-2.0
"""What each route does, one file a noun; the routes: volt/handler.py."""
