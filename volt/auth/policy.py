# SPDX-License-Identifier: Apache-2.0
"""The rules as an operator has changed them, and what follows from them."""

from collections.abc import Mapping

from oslo_config import cfg
from oslo_context.context import RequestContext
from oslo_policy import policy

from volt.auth import policies
from volt.exception import ConfigError, Forbidden

OURS = "volt:"
NOBODY = "!"
"""What oslo.policy makes of a rule that it cannot read."""


class Policy:
    """Answers what a caller may do; its files are read once, here.

    So a file that is being edited takes effect when the operator says so,
    as a whole, and one that is wrong stops no request.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._enforcer = _enforcer(conf)
        _load(self._enforcer, conf)

    def may_act_for_host(self, context: RequestContext) -> bool:
        """Return whether the caller is believed what it says of its host."""
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
                f"policy {rule} wants other roles than {context.roles}"
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
        # oslo.policy would go on with the defaults.
        raise ConfigError(f"[oslo_policy] policy_file: there is no {name}")
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
    """Refuse what oslo.policy passes over, or takes for "nobody"."""
    known = enforcer.registered_rules
    if rule.name.startswith(OURS) and rule.name not in known:
        raise ConfigError(
            f"[oslo_policy] {name}: there is no rule {rule.name}; see "
            "policy.yaml.sample"
        )
    if str(rule.check) == NOBODY != rule.check_str:
        raise ConfigError(
            f"[oslo_policy] {name}: {rule.name}: {rule.check_str!r} cannot "
            "be understood"
        )


def get_enforcer() -> policy.Enforcer:
    """Return what oslopolicy-policy-generator and its like ask for.

    They read ``--config-file`` into oslo.config's global object.
    """
    return _enforcer(cfg.CONF)
