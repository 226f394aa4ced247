# SPDX-License-Identifier: Apache-2.0
"""Boot many servers through Nova, see them through, and take them away.

``vmtrun --openstack`` and ``virtman burst`` stand on this.  What it needs
besides the standard library (python-novaclient, openstacksdk) is imported
when a cloud is asked, so that other commands do not wait for it.
"""
