# SPDX-License-Identifier: Apache-2.0
"""Connect to a cloud, with credentials of clouds.yaml or the environment.

No option takes a secret: a command line is in every process list.
"""

from __future__ import annotations

from virtmanclient.openstack.cloud import MICROVERSION, Cloud
from virtmanclient.openstack.errors import CloudError, translated

PATIENCE = 60.0
"""Seconds for one answer, unless clouds.yaml has an ``api_timeout``."""


_REMEDY = (
    "name a cloud of your clouds.yaml (--os-cloud, OS_CLOUD), or set "
    "OS_AUTH_URL and the other variables OS_*"
)


def connect(name: str | None = None) -> Cloud:
    """Return the cloud of a name in clouds.yaml; by default OS_CLOUD's.

    Without a name, the variables OS_AUTH_URL and so on have the credentials.

    :raises CloudError: the credentials are missing or refused
    """
    try:
        import openstack.config
        import openstack.exceptions
        from keystoneauth1.exceptions import MissingRequiredOptions
        from novaclient import client
    except ImportError as error:
        raise CloudError(
            f"the module {error.name} is not installed; install vmthunder "
            "with its requirements ('pip install python-novaclient "
            "openstacksdk')"
        ) from error
    wrong = openstack.exceptions.ConfigException, MissingRequiredOptions
    with translated("credentials"):
        try:
            region = openstack.config.get_cloud_region(cloud=name)
            session = region.get_session()
        except wrong as error:
            raise CloudError(f"{error}; {_REMEDY}") from error
        session.timeout = session.timeout or PATIENCE
        session.get_token()
    place, interface = region.region_name, region.get_interface()
    nova = client.Client(
        MICROVERSION,
        session=session,
        # A request that Nova may have accepted is not made twice.
        connect_retries=0,
        region_name=place,
        endpoint_type=interface,
    )
    scope = {"region_name": place, "interface": interface}
    return Cloud(nova, session, scope)
