# SPDX-License-Identifier: Apache-2.0
"""The ways to an agent: what an endpoint names, what is said there."""
