# SPDX-License-Identifier: Apache-2.0
"""Boot many servers through Nova, watch them, and delete them.

``vmtrun --openstack`` and ``virtman burst`` stand on this package.  It needs
python-novaclient and openstacksdk besides the standard library.  They are
imported when a cloud is asked, so that other commands do not wait for them.
"""
