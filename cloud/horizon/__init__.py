# SPDX-License-Identifier: Apache-2.0
"""Horizon, and a user who launches and deletes an instance in it.

``serve``    starts it, as a part of the control plane
``served``   its settings and its WSGI application, for its own environment
``clicks``   drives a headless Chromium; runs in Horizon's environment, too
``chapter``  the chapter of the story
"""
