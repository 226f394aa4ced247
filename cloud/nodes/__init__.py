# SPDX-License-Identifier: Apache-2.0
"""The machines with real kernels: an image server and compute nodes.

``images``    volt, the agent that serves images, cinder-volume
``c1``, ``c2``  an agent, libvirt, nova-compute, the VMs
"""
