# SPDX-License-Identifier: Apache-2.0
"""The rules of ``auth_strategy = keystone``, documented.

Each names the roles that may call a route.  An operator changes them in
policy.yaml; etc/volt/policy.yaml.sample is made of this file.
"""

from __future__ import annotations

from oslo_policy import policy

ADMIN, NODE = "rule:volt:admin", "rule:volt:node"
ACT_FOR_HOST = "volt:act_for_host"

# Neither the administrator of one domain nor a token without a scope.
SCOPES = ["system", "project"]

VOLUMES, IMAGES = "/v1/volumes", "/v1/images"
VOLUME, IMAGE = "/v1/volumes/{volume_id}", "/v1/images/{image_id}"
QUERY = "/v1/volumes/query/{volume_id}"
PEER = "/v1/volumes/{volume_id}/{peer_id}"
BEAT = "/v1/members/heartbeat"

RULES: tuple[tuple[str, str, str, list[tuple[str, str]]], ...] = (
    ("volumes:list", ADMIN, "List the volumes.", [("GET", VOLUMES)]),
    (
        "volumes:show",
        ADMIN,
        "List the peers of a volume.",
        [("GET", VOLUME), ("HEAD", VOLUME)],
    ),
    (
        "volumes:drop",
        ADMIN,
        "Drop a volume, with force even while peers serve it.",
        [("DELETE", VOLUME)],
    ),
    ("peers:join", NODE, "Take a place in a tree.", [("GET", QUERY)]),
    (
        "peers:register",
        NODE,
        "Register the address at which a peer serves.",
        [("POST", PEER)],
    ),
    (
        "peers:remove",
        NODE,
        "Leave a tree, or take a peer out of it.",
        [("DELETE", PEER)],
    ),
    ("members:beat", NODE, "Send a node's heartbeat.", [("PUT", BEAT)]),
    ("members:list", ADMIN, "List the nodes.", [("GET", "/v1/members")]),
    (
        "trees:show",
        ADMIN,
        "Show a tree, with the age of each peer.",
        [("GET", "/v1/trees/{volume_id}")],
    ),
    (
        "images:list",
        NODE,
        "List the images, or show one.",
        [("GET", IMAGES), ("GET", IMAGE)],
    ),
    (
        "images:register",
        NODE,
        "Register an image server as a source.",
        [("PUT", IMAGE)],
    ),
    (
        "metrics:read",
        ADMIN,
        "Read the metrics, unless metrics_access opens them.",
        [("GET", "/metrics")],
    ),
    ("images:withdraw", NODE, "Withdraw a source.", [("DELETE", IMAGE)]),
)

ROUTES = {
    operation: f"volt:{name}"
    for name, _, _, operations in RULES
    for operation in operations
}
"""The rule of each method and route."""


def list_rules() -> list[policy.RuleDefault]:
    """Return all rules with their defaults."""
    return [
        policy.RuleDefault(
            "volt:admin", "role:admin", "Operators; they may do everything."
        ),
        policy.RuleDefault(
            "volt:node",
            "role:service or rule:volt:admin",
            "Agents and image servers; give their users the role service.",
        ),
        _documented(
            ACT_FOR_HOST,
            NODE,
            "Name another host than the one the request comes from.",
            [("GET", QUERY), ("POST", PEER), ("PUT", BEAT)],
        ),
        *(
            _documented(f"volt:{name}", check, description, operations)
            for name, check, description, operations in RULES
        ),
    ]


def _documented(
    name: str, check: str, description: str, operations: list[tuple[str, str]]
) -> policy.DocumentedRuleDefault:
    return policy.DocumentedRuleDefault(
        name=name,
        check_str=check,
        description=description,
        operations=[
            {"method": method, "path": path} for method, path in operations
        ],
        scope_types=SCOPES,
    )
