# SPDX-License-Identifier: Apache-2.0
"""How Sphinx builds this folder: HTML, and manual pages of the commands.

In the checkout's folder: sphinx-build -b html doc/source build/docs/html
(or -b man).  Nothing here reaches out to other hosts.
"""

from __future__ import annotations

import importlib.metadata
from typing import Any

from docutils import nodes

project = "VMThunder"
author = "VMThunder contributors"
copyright = "2026, VMThunder contributors"
version = release = importlib.metadata.version("vmthunder")

root_doc = "index"
nitpicky = True
html_theme = "alabaster"
html_theme_options = {
    "description": "One image, many VMs, a tree of caches",
    "fixed_sidebar": True,
    "page_width": "70em",
}
html_show_sphinx = False

# Page, name, one line, authors, section of the manual.
man_pages = [
    ("volt", "volt-api", "the coordinator of VMThunder", [], 8),
    (
        "virtman-server",
        "virtman-server",
        "images from a tree of caches as VM disks",
        [],
        8,
    ),
    ("virtman-cli", "virtman", "look over a host, and clear it", [], 8),
    (
        "nova",
        "virtman-nova-compute",
        "VM disks of the agent as volumes of Nova",
        [],
        8,
    ),
    (
        "cinder",
        "virtman-cinder",
        "volumes of Cinder that are disks of the agents",
        [],
        8,
    ),
    (
        "volt-cli",
        "volt",
        "look at the trees of caches, and correct them",
        [],
        1,
    ),
    ("vmtimg", "vmtimg", "image targets, from a file of steps", [], 1),
    ("vmtrun", "vmtrun", "VM disks on many nodes, from a file", [], 1),
    (
        "virtman-burst",
        "virtman-burst",
        "boot many servers through Nova, and take them away",
        [],
        1,
    ),
    ("vmtapi", "vmtapi", "ask a node to make VM disks", [], 3),
    ("voltclient", "voltclient", "ask volt-api from Python", [], 3),
]


def setup(app: Any) -> None:
    """Have pages look in ``man`` as they do in HTML."""
    app.connect("doctree-resolved", _for_man)


def _for_man(app: Any, doctree: nodes.document, _name: str) -> None:
    """Drop what the man builder adds itself, and links that lead nowhere.

    It writes a NAME section from ``man_pages`` above, and an empty ``<>``
    after the title of each page that is linked.
    """
    if app.builder.name != "man":
        return
    for section in list(doctree.findall(nodes.section)):
        if section.parent is not None and "name" in section["ids"]:
            section.parent.remove(section)
    for link in list(doctree.findall(nodes.reference)):
        if not link.get("refuri"):
            link.replace_self(link.children)
