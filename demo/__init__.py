# SPDX-License-Identifier: Apache-2.0
"""A demo of VMThunder's main job on real kernels, and its disk image."""
