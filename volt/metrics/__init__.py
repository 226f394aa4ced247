# SPDX-License-Identifier: Apache-2.0
"""What volt counts, and how it is shown."""
