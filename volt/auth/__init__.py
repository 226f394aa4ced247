# SPDX-License-Identifier: Apache-2.0
"""The door: who is let in, and what each may do; one file a strategy."""

import importlib

from oslo_config import cfg

from volt.auth.caller import Strategy


def load(conf: cfg.ConfigOpts) -> Strategy:
    """Return the strategy that ``auth_strategy`` names.

    Its module alone is imported: keystone's libraries take longer than all
    the rest of a start.  Raises ``ConfigError``.
    """
    module = importlib.import_module(f"{__name__}.{conf.auth_strategy}")
    strategy: Strategy = module.load(conf)
    return strategy
