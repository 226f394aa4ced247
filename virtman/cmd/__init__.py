# SPDX-License-Identifier: Apache-2.0
"""Console entry points of the agent: the only place that builds objects."""
