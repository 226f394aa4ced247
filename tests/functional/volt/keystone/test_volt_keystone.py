# SPDX-License-Identifier: Apache-2.0
"""Who may do what before a real keystone, and who may not."""

import pytest
from keystone_callers import (
    BEAT,
    DROP,
    IMAGES,
    JOIN,
    LEAVE,
    LIST,
    NODES,
    PUBLISH,
    REGISTER,
    SHOW,
    TREE,
    WITHDRAW,
    ask,
    refused,
)

FOR_NODES = (PUBLISH, JOIN, REGISTER, BEAT, IMAGES, LEAVE, WITHDRAW)
FOR_OPERATORS = (JOIN, REGISTER, LIST, SHOW, NODES, TREE, DROP)


def test_a_service_does_what_agents_do(behind_keystone, sessions):
    for call in FOR_NODES:
        assert ask(behind_keystone, sessions["virtman"], *call).ok, call


def test_a_service_does_not_do_what_operators_do(behind_keystone, sessions):
    for call in (LIST, SHOW, DROP, NODES, TREE):
        told = refused(
            ask(behind_keystone, sessions["virtman"], *call), 403, "forbidden"
        )
        assert "policy volt:" in told
        assert "service" in told


def test_an_operator_does_everything(behind_keystone, sessions):
    for call in (*FOR_OPERATORS, *FOR_NODES):
        assert ask(behind_keystone, sessions["admin"], *call).ok, call


def test_an_ordinary_member_does_nothing(behind_keystone, sessions):
    for call in (*FOR_NODES, *FOR_OPERATORS):
        refused(
            ask(behind_keystone, sessions["alice"], *call), 403, "forbidden"
        )


def test_an_administrator_of_one_domain_is_not_ours(behind_keystone, keystone):
    session = keystone.session("admin", domain_id="default")
    assert "admin" in session.auth.get_access(session).role_names
    refused(ask(behind_keystone, session, *LIST), 403, "forbidden")


def test_an_administrator_of_the_system_is(behind_keystone, keystone):
    session = keystone.session("admin", system_scope="all")
    assert ask(behind_keystone, session, *LIST).ok


def test_without_a_token_one_is_told_where_to_get_it(
    behind_keystone, keystone
):
    for call in (LIST, JOIN, BEAT, ("GET", "/v1/nosuch", None)):
        answer = ask(behind_keystone, None, *call)
        refused(answer, 401, "unauthorized")
        where = answer.headers["WWW-Authenticate"]
        assert where == f'Keystone uri="{keystone.url}"'


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/"])
def test_the_versions_need_no_token(behind_keystone, path):
    assert ask(behind_keystone, None, "GET", path, None).status_code in (
        200,
        300,
    )


def test_the_operator_changes_the_rules(
    start_before_keystone, sessions, tmp_path
):
    (tmp_path / "policy.yaml").write_text(
        '"volt:node": "role:member"\n'
        '"volt:volumes:list": "rule:volt:admin or rule:volt:node"\n'
        '"volt:act_for_host": "!"\n'
    )
    volt = start_before_keystone()
    joined = ask(volt, sessions["alice"], *JOIN)
    assert joined.json()["peer_id"] == "127.0.0.1:v"
    assert ask(volt, sessions["alice"], *LIST).ok
    for call in (JOIN, LIST):
        refused(ask(volt, sessions["virtman"], *call), 403, "forbidden")


def test_a_node_may_name_another_host(behind_keystone, sessions):
    told = ask(behind_keystone, sessions["virtman"], *JOIN).json()
    assert told["peer_id"] == "n1:v"
    assert ask(behind_keystone, sessions["virtman"], *LEAVE).ok
