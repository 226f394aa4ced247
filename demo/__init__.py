# SPDX-License-Identifier: Apache-2.0
"""The main job shown on real kernels, and the disk image it is shown with."""
