# SPDX-License-Identifier: Apache-2.0
"""Benchmarks, one folder for each thing measured; ``make bench-volt``."""
