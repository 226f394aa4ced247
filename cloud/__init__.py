# SPDX-License-Identifier: Apache-2.0
"""A real OpenStack on the lab: servers booted from the tree, and counted.

``python -m cloud`` (``make openstack``) takes it up, goes through the story of
an operator and a user, and takes it down again.

``control_plane``  keystone, glance, placement, nova, cinder, neutron: on this
                   host, inside the network of the lab's cluster
``nodes``          the machines with real kernels: image server, compute nodes
``horizon``        the dashboard, and a browser that clicks in it
``story``          what is done and looked at, and its figures
``neutron``        a distribution of one file for neutron's environment
"""
