# SPDX-License-Identifier: Apache-2.0
"""Drive the nodes: an API, a client object, two commands and two drivers.

``vmtapi`` is the API in one file and ``client`` the same as an object.
``vmtimg`` and ``vmtrun`` are the commands that work through a file of steps.
Nothing here imports the agent or the coordinator.  ``nova``, ``cinder`` and
``openstack`` need packages of OpenStack, a broker needs oslo.messaging; all
the rest stands on the standard library alone.
"""
