# SPDX-License-Identifier: Apache-2.0
"""Nova's side: disks of the agent as volumes of libvirt guests.

``compute_driver = virtman.VirtmanLibvirtDriver`` in nova.conf is all that an
operator writes; the manual page is doc/source/nova.rst.  It runs inside
nova-compute, so it imports the standard library, Nova, what Nova itself
stands on (oslo), and :mod:`virtmanclient.agent`.
"""
