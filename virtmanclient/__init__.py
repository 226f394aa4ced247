# SPDX-License-Identifier: Apache-2.0
"""Drive the nodes: an API, a client object and two commands.

``vmtapi`` is the API in one file, ``client`` the same as an object,
``vmtimg`` and ``vmtrun`` are the commands that work through a file of
steps.  Nothing here imports the node agent, the master, or anything
outside the standard library.
"""
