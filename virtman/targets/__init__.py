# SPDX-License-Identifier: Apache-2.0
"""What this host serves over iSCSI: image files and copy-on-write stores."""
