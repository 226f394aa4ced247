# SPDX-License-Identifier: Apache-2.0
"""Decides by the rules, as the operator has changed them."""

from __future__ import annotations

from collections.abc import Mapping

from oslo_config import cfg
from oslo_context.context import RequestContext
from oslo_policy import policy

from volt.auth import policies
from volt.exception import ConfigError, Forbidden

PREFIX = "volt:"
NO_CALLER = "!"
"""The check that oslo.policy makes of a rule that it cannot read."""


class Policy:
    """Decides what a caller may do; reads its files once, when made.

    So an edited file takes effect as a whole, at the operator's reload, and a
    faulty one fails no request.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._enforcer = _enforcer(conf)
        _load(self._enforcer, conf)

    def may_act_for_host(self, context: RequestContext) -> bool:
        """Return whether the caller may name another host as its own."""
        return self._allows(policies.ACT_FOR_HOST, {}, context)

    def check(
        self,
        method: str,
        route: str,
        path: Mapping[str, str],
        context: RequestContext,
    ) -> None:
        """Raise ``Forbidden`` unless the rule of the route allows it."""
        rule = policies.ROUTES.get((method, route))
        if rule is None or not self._allows(rule, path, context):
            raise Forbidden(
                f"your token does not allow {method} {route}: "
                f"policy {rule} needs other roles than {context.roles}"
            )

    def _allows(
        self, rule: str, target: Mapping[str, str], context: RequestContext
    ) -> bool:
        return bool(self._enforcer.authorize(rule, dict(target), context))


def _enforcer(conf: cfg.ConfigOpts) -> policy.Enforcer:
    enforcer = policy.Enforcer(conf)
    enforcer.register_defaults(policies.list_rules())
    return enforcer


def _load(enforcer: policy.Enforcer, conf: cfg.ConfigOpts) -> None:
    name = conf.oslo_policy.policy_file
    where = conf.get_location("policy_file", "oslo_policy")
    if where.location is cfg.Locations.user and not conf.find_file(name):
        # oslo.policy would silently use the defaults.
        raise ConfigError(
            f"[oslo_policy] policy_file: the file {name} does not exist"
        )
    try:
        enforcer.load_rules()
        enforcer.check_rules(raise_on_violation=True)
    except Exception as error:  # whatever a parser made of the file
        raise ConfigError(f"[oslo_policy] {name}: {error}") from error
    for rule in enforcer.file_rules.values():
        _check_written(rule, enforcer, name)
    # From here on load_rules(), which each question calls, reads no file.
    enforcer.use_conf = False


def _check_written(
    rule: policy.RuleDefault, enforcer: policy.Enforcer, name: str
) -> None:
    """Refuse a rule that oslo.policy ignores, or takes for "no caller"."""
    registered = enforcer.registered_rules
    if rule.name.startswith(PREFIX) and rule.name not in registered:
        raise ConfigError(
            f"[oslo_policy] {name}: volt has no rule {rule.name}; see "
            "policy.yaml.sample"
        )
    if str(rule.check) == NO_CALLER != rule.check_str:
        raise ConfigError(
            f"[oslo_policy] {name}: {rule.name}: {rule.check_str!r} cannot "
            "be understood"
        )


def get_enforcer() -> policy.Enforcer:
    """Return the enforcer for oslo.policy's tools, such as its generator.

    They read ``--config-file`` into oslo.config's global object.
    """
    return _enforcer(cfg.CONF)
