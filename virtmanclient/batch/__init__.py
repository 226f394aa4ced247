# SPDX-License-Identifier: Apache-2.0
"""Many disks on many nodes in one run: what vmtrun and vmtimg do."""
