# SPDX-License-Identifier: Apache-2.0
"""The chapters that are shown on the cloud, one file each.

A chapter takes the ``Stage`` and returns its figures; it raises
``CloudError`` when something is not as it should be.
"""
