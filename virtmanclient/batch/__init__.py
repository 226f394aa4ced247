# SPDX-License-Identifier: Apache-2.0
"""Many steps on many nodes in one run, for vmtrun and vmtimg."""
