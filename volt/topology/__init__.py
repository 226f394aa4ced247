# SPDX-License-Identifier: Apache-2.0
"""The trees: joins, beats, sources, images, tickets and listings."""
