# SPDX-License-Identifier: Apache-2.0
"""The options of each service, as sections for ``ini``.

Only what differs from the defaults; each with its reason where the name does
not say it.  The services are small: one process each where they would take
one a core.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cloud.plan import REGION, Plan

Sections = dict[str, dict[str, Any]]


def account(plan: Plan, user: str) -> dict[str, Any]:
    """Return the options by which a service's user gets its token."""
    return {
        "auth_type": "password",
        "auth_url": plan.url("keystone"),
        "username": user,
        "password": plan.password(user),
        "project_name": "service",
        "user_domain_id": "default",
        "project_domain_id": "default",
        "region_name": REGION,
    }


def door(plan: Plan, user: str) -> dict[str, Any]:
    """Return the options by which a service checks its callers' tokens."""
    return account(plan, user) | {
        "www_authenticate_uri": plan.url("keystone"),
        # Nova deletes and detaches with the user's token and its own.
        "service_token_roles": "service",
        "service_token_roles_required": True,
    }


def _common(plan: Plan, service: str) -> dict[str, Any]:
    state = plan.data(service)
    return {
        "transport_url": plan.transport_url(),
        "state_path": state,
        # A broken connection to the broker is no reason to wait for long.
        "rpc_response_timeout": 60,
    }


def _lock(plan: Plan, service: str) -> dict[str, Any]:
    return {"lock_path": plan.data(service) / "lock"}


def keystone(plan: Plan) -> Sections:
    """Return the options of keystone."""
    data = plan.data("keystone")
    return {
        "DEFAULT": {},
        "database": {"connection": plan.database("keystone")},
        "token": {"provider": "fernet"},
        "fernet_tokens": {"key_repository": data / "fernet"},
        "credential": {"key_repository": data / "credential"},
        "cache": {"enabled": False},
    }


def glance(plan: Plan) -> Sections:
    """Return the options of glance-api; images are files."""
    return {
        "DEFAULT": {"enabled_backends": "files:file", "workers": 1},
        "glance_store": {"default_backend": "files"},
        "files": {"filesystem_store_datadir": plan.data("glance") / "images"},
        "database": {"connection": plan.database("glance")},
        "keystone_authtoken": door(plan, "glance"),
        "paste_deploy": {
            "flavor": "keystone",
            "config_file": _paste(plan, "glance", "glance-api-paste.ini"),
        },
        "oslo_concurrency": _lock(plan, "glance"),
    }


def placement(plan: Plan) -> Sections:
    """Return the options of placement."""
    return {
        "placement_database": {"connection": plan.database("placement")},
        "api": {"auth_strategy": "keystone"},
        "keystone_authtoken": door(plan, "placement"),
    }


def nova(plan: Plan) -> Sections:
    """Return the options that all of Nova's services share."""
    return {
        "DEFAULT": _common(plan, "nova"),
        "api_database": {"connection": plan.database("nova_api")},
        "database": {"connection": plan.database("nova")},
        "wsgi": {"api_paste_config": _paste(plan, "nova", "api-paste.ini")},
        "keystone_authtoken": door(plan, "nova"),
        "service_user": account(plan, "nova")
        | {"send_service_user_token": True},
        **{
            name: account(plan, "nova")
            for name in ("placement", "neutron", "glance", "cinder")
        },
        "conductor": {"workers": 1},
        "scheduler": {
            "workers": 1,
            # Seconds; by default an operator tells it of new hosts.
            "discover_hosts_in_cells_interval": 5,
            # Of the hosts: only an attempt too many names the cause.
            "max_attempts": 2,
        },
        "oslo_concurrency": _lock(plan, "nova"),
    }


def cinder(plan: Plan) -> Sections:
    """Return the options that all of Cinder's services share."""
    return {
        "DEFAULT": _common(plan, "cinder")
        | {
            "api_paste_config": _paste(plan, "cinder", "api-paste.ini"),
            "resource_query_filters_file": _paste(
                plan, "cinder", "resource_filters.json"
            ),
            "rootwrap_config": _paste(plan, "cinder", "rootwrap.conf"),
            "glance_api_servers": plan.url("glance"),
            "enabled_backends": "virtman",
            "default_volume_type": "virtman",
            "osapi_volume_workers": 1,
        },
        "database": {"connection": plan.database("cinder")},
        "keystone_authtoken": door(plan, "cinder"),
        "service_user": account(plan, "cinder")
        | {"send_service_user_token": True},
        "nova": account(plan, "cinder"),
        "oslo_concurrency": _lock(plan, "cinder"),
    }


def neutron(plan: Plan) -> Sections:
    """Return the options of neutron-api: ports without agents."""
    return {
        "DEFAULT": _common(plan, "neutron")
        | {
            "core_plugin": "ml2",
            "service_plugins": "",
            "api_paste_config": _paste(plan, "neutron", "api-paste.ini"),
            "dhcp_agent_notification": False,
            "rpc_workers": 0,
        },
        "database": {"connection": plan.database("neutron")},
        "keystone_authtoken": door(plan, "neutron"),
        "nova": account(plan, "neutron"),
        "placement": account(plan, "neutron"),
        "ml2": {
            "type_drivers": "local,flat",
            "tenant_network_types": "local",
            "mechanism_drivers": "plain_tap",
            "extension_drivers": "port_security",
        },
        "oslo_concurrency": _lock(plan, "neutron"),
    }


def _paste(plan: Plan, service: str, name: str) -> Path:
    """Return the path of a file that a wheel has installed."""
    return plan.venv(service) / "etc" / service / name
