# SPDX-License-Identifier: Apache-2.0
"""The rules of keystone's callers: the defaults, and an operator's own."""

import importlib.metadata
import io
import pathlib
import subprocess
import sys

import pytest
from oslo_context.context import RequestContext
from oslo_policy import generator

from volt import conf
from volt.api.routes import ROUTE_DECLARATIONS
from volt.auth import policies
from volt.auth.middleware import OPEN
from volt.auth.policy import Policy
from volt.exception import ConfigError, Forbidden

ROOT = pathlib.Path(__file__).parents[4]
VOLUME = ("DELETE", "/v1/volumes/{volume_id}", {"volume_id": "v"})
BEAT = ("PUT", "/v1/members/heartbeat", {})


@pytest.fixture
def load(tmp_path):
    """Load the policy with the text of an operator's file."""

    def make(text=None, *more, name="policy.yaml"):
        if text is not None:
            (tmp_path / name).write_text(text)
        path = tmp_path / "volt.conf"
        path.write_text(
            "\n".join(
                [
                    "[DEFAULT]",
                    "auth_strategy = keystone",
                    "[keystone_authtoken]",
                    "auth_type = password",
                    "[oslo_policy]",
                    *more,
                ]
            )
        )
        options = conf.new()
        conf.load(options, [f"--config-file={path}"])
        return Policy(options)

    return make


def somebody(*roles, **scope):
    return RequestContext(
        roles=roles, user_id="u", **scope or {"project_id": "p"}
    )


def may(policy, who, call):
    try:
        policy.check(*call, who)
    except Forbidden:
        return False
    return True


def test_each_route_has_a_rule_or_is_open():
    routes = {
        (method, route)
        for route, methods in ROUTE_DECLARATIONS.items()
        for method in methods
        if route not in OPEN
    }
    assert routes == set(policies.ROUTES)


def test_a_route_without_a_rule_is_for_nobody(load):
    assert not may(load(), somebody("admin"), ("GET", "/v1/new", {}))


def test_an_operation_has_one_rule():
    operations = [one for *_, listed in policies.RULES for one in listed]
    assert len(operations) == len(set(operations))


@pytest.mark.parametrize(
    ("roles", "drops", "beats"),
    [
        (["admin"], True, True),
        (["service"], False, True),
        (["member", "reader", "manager"], False, False),
        ([], False, False),
    ],
)
def test_the_defaults(load, roles, drops, beats):
    policy, who = load(), somebody(*roles)
    assert may(policy, who, VOLUME) == drops
    assert may(policy, who, BEAT) == beats
    assert policy.may_act_for_host(who) == beats


@pytest.mark.parametrize(
    ("scope", "lets"),
    [
        ({"project_id": "p"}, True),
        ({"system_scope": "all"}, True),
        ({"domain_id": "d"}, False),
    ],
)
def test_the_scope_of_a_token_matters(load, scope, lets):
    assert may(load(), somebody("admin", **scope), VOLUME) == lets


def test_a_refusal_names_the_rule_and_the_roles(load):
    with pytest.raises(Forbidden) as refused:
        load().check(*VOLUME, somebody("member"))
    assert "volt:volumes:drop" in str(refused.value)
    assert "member" in str(refused.value)


def test_an_operator_s_rule_counts(load):
    policy = load('"volt:volumes:drop": "role:boss"\n')
    assert may(policy, somebody("boss"), VOLUME)
    assert not may(policy, somebody("admin"), VOLUME)


def test_a_rule_may_ask_for_what_the_path_names(load):
    policy = load('"volt:volumes:drop": "user_id:%(volume_id)s"\n')
    assert may(policy, somebody(), (*VOLUME[:2], {"volume_id": "u"}))
    assert not may(policy, somebody(), VOLUME)


def test_files_in_the_directory_of_policies_count(load, tmp_path):
    (tmp_path / "policy.d").mkdir()
    (tmp_path / "policy.d" / "a.yaml").write_text(
        '"volt:volumes:drop": "role:boss"\n'
    )
    assert may(load(), somebody("boss"), VOLUME)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('"volt:volumes:lst": "role:x"', "volt:volumes:lst"),
        ('"volt:node": "role:x or"', "'role:x or'"),
        ('"volt:node": "rule:nosuch"', "volt:node"),
        ('"volt:node": "rule:volt:node"', "volt:node"),
        ("{", "policy.yaml"),
        ("- a", "policy.yaml"),
        ('"volt:node": 5', "policy.yaml"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_name(load, text, named):
    with pytest.raises(ConfigError, match="policy") as refused:
        load(text)
    assert named in str(refused.value)


def test_a_file_that_is_asked_for_and_not_there_is_refused(load):
    with pytest.raises(ConfigError, match=r"mine\.yaml does not exist"):
        load(None, "policy_file = mine.yaml")


def test_a_file_that_changes_changes_nothing_until_it_is_loaded(load):
    policy = load('"volt:volumes:drop": "role:boss"\n')
    later = load('"volt:volumes:drop": "role:other"\n')
    assert may(policy, somebody("boss"), VOLUME)
    assert may(later, somebody("other"), VOLUME)


def test_the_sample_is_today_s():
    written = (ROOT / "etc" / "volt" / "policy.yaml.sample").read_text()
    output = io.StringIO()
    policy = {"volt": policies.list_rules()}
    output.writelines(generator._sort_and_format_by_section(policy))
    assert written == output.getvalue(), "stale; run make samples"


def test_the_sample_without_its_comment_marks_is_the_defaults(load):
    written = (ROOT / "etc" / "volt" / "policy.yaml.sample").read_text()
    policy = load(written.replace('#"', '"'))
    assert may(policy, somebody("service"), BEAT)
    assert not may(policy, somebody("service"), VOLUME)


def test_the_operator_s_tools_find_the_rules(tmp_path):
    (tmp_path / "policy.yaml").write_text('"volt:node": "role:agent"\n')
    (tmp_path / "volt.conf").write_text("[oslo_policy]\n")
    scripts = pathlib.Path(sys.executable).parent
    done = subprocess.run(
        [
            scripts / "oslopolicy-policy-generator",
            f"--config-file={tmp_path}/volt.conf",
            "--namespace=volt",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert '"volt:node": "role:agent"' in done.stdout
    assert '"volt:volumes:list": "rule:volt:admin"' in done.stdout


def test_the_entry_points_are_there():
    for group in ("oslo.policy.policies", "oslo.policy.enforcer"):
        (point,) = importlib.metadata.entry_points(group=group, name="volt")
        assert callable(point.load())
