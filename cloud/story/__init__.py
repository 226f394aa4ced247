# SPDX-License-Identifier: Apache-2.0
"""What is shown on the cloud, a file for each chapter.

A chapter takes the ``Stage`` and returns its figures; it raises
``CloudError`` when something is not as it should be.
"""
