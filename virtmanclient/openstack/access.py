# SPDX-License-Identifier: Apache-2.0
"""Get into a cloud: credentials from clouds.yaml or from the environment.

There is no option for a secret: a command line is in every process list.
"""

from virtmanclient.openstack.cloud import MICROVERSION, Cloud
from virtmanclient.openstack.errors import CloudError, translated

PATIENCE = 60.0
"""Seconds for one answer, unless clouds.yaml has an ``api_timeout``."""


def connect(name: str | None = None) -> Cloud:
    """Return the cloud of this name in clouds.yaml; by default OS_CLOUD's.

    Where neither names one, the variables OS_AUTH_URL and so on do.

    :raises CloudError: there are no credentials, or they are not taken
    """
    try:
        import openstack.config
        import openstack.exceptions
        from keystoneauth1.exceptions import MissingRequiredOptions
        from novaclient import client
    except ImportError as error:
        raise CloudError(
            f"there is no module {error.name}; install vmthunder with what "
            "it needs ('pip install python-novaclient openstacksdk')"
        ) from error
    with translated("credentials"):
        try:
            region = openstack.config.get_cloud_region(cloud=name)
            session = region.get_session()
        except (
            openstack.exceptions.ConfigException,
            MissingRequiredOptions,
        ) as error:
            raise CloudError(
                f"{error}; name a cloud of your clouds.yaml (--os-cloud, "
                "OS_CLOUD), or set OS_AUTH_URL and what goes with it"
            ) from error
        session.timeout = session.timeout or PATIENCE
        session.get_token()
    place, interface = region.region_name, region.get_interface()
    nova = client.Client(
        MICROVERSION,
        session=session,
        # A request that may have been taken is not made twice.
        connect_retries=0,
        region_name=place,
        endpoint_type=interface,
    )
    scope = {"region_name": place, "interface": interface}
    return Cloud(nova, session, scope)
