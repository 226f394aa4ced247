# SPDX-License-Identifier: Apache-2.0
"""Admission: which initiator may log in to which target, by tickets."""
