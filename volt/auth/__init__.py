# SPDX-License-Identifier: Apache-2.0
"""Admission of callers and their permissions; one file a strategy."""

from __future__ import annotations

import importlib

from oslo_config import cfg

from volt.auth.caller import Strategy


def load(conf: cfg.ConfigOpts) -> Strategy:
    """Return the strategy that ``auth_strategy`` names.

    Only its module is imported: keystone's libraries take longer than all
    the rest of a start.  Raises ``ConfigError``.
    """
    module = importlib.import_module(f"{__name__}.{conf.auth_strategy}")
    strategy: Strategy = module.load(conf)
    return strategy
