# SPDX-License-Identifier: Apache-2.0
"""The programs volt-api and volt-manage, and the processes that serve."""
