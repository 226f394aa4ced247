# SPDX-License-Identifier: Apache-2.0
"""Makes an operator's first objects: users, endpoints, flavour, network."""

from __future__ import annotations

from typing import Any

import openstack.connection
from openstack import config

from cloud.plan import REGION, Plan

FLAVOR, NETWORK, VOLUME_TYPE, IMAGE = "m1.tiny", "net", "virtman", "golden"
USER, PROJECT = "alice", "demo"
_TYPES = {
    "glance": "image",
    "placement": "placement",
    "nova": "compute",
    "cinder": "block-storage",
    "neutron": "network",
}


def client(
    plan: Plan,
    user: str,
    password: str | None = None,
    timeout: float | None = None,
) -> Any:
    """Return an openstacksdk connection of a user of the cloud.

    :param password: another than the user's.
    :param timeout: seconds to wait for an answer; by default for ever.
    """
    rc = plan.openrc(user)
    region = config.get_cloud_region(
        # No settings of the user that started the run.
        load_yaml_config=False,
        load_envvars=False,
        auth={
            "auth_url": rc["OS_AUTH_URL"],
            "username": user,
            "password": password or rc["OS_PASSWORD"],
            "project_name": rc["OS_PROJECT_NAME"],
            "user_domain_id": "default",
            "project_domain_id": "default",
        },
        region_name=REGION,
        api_timeout=timeout,
        identity_api_version="3",
        compute_default_microversion="2.93",
    )
    return openstack.connection.Connection(config=region)


def accounts(plan: Plan, admin: Any) -> None:
    """Make the services' users, their endpoints, and a member."""
    identity = admin.identity
    roles = {
        name: identity.find_role(name) or identity.create_role(name=name)
        for name in ("admin", "member", "reader", "service")
    }
    service = _project(identity, "service")
    for name, kind in _TYPES.items():
        user = _user(plan, identity, name)
        for role in ("admin", "service"):
            identity.assign_project_role_to_user(service, user, roles[role])
        made = identity.create_service(name=name, type=kind)
        for interface in ("public", "internal", "admin"):
            identity.create_endpoint(
                service_id=made.id,
                interface=interface,
                url=plan.url(name),
                region_id=REGION,
            )
    member = _user(plan, identity, USER)
    demo = _project(identity, PROJECT)
    for role in ("member", "reader"):
        identity.assign_project_role_to_user(demo, member, roles[role])


def resources(admin: Any) -> None:
    """Make the flavour, the network and the volume type for all users."""
    admin.compute.create_flavor(name=FLAVOR, ram=256, vcpus=1, disk=1)
    network = admin.network.create_network(name=NETWORK, is_shared=True)
    admin.network.create_subnet(
        network_id=network.id,
        name=NETWORK,
        ip_version=4,
        cidr="192.168.77.0/24",
        enable_dhcp=False,
    )
    admin.block_storage.create_type(
        name=VOLUME_TYPE,
        extra_specs={"volume_backend_name": VOLUME_TYPE},
    )


def _project(identity: Any, name: str) -> Any:
    return identity.create_project(name=name, domain_id="default")


def _user(plan: Plan, identity: Any, name: str) -> Any:
    return identity.create_user(
        name=name, password=plan.password(name), domain_id="default"
    )
