# SPDX-License-Identifier: Apache-2.0
"""How Sphinx builds this folder: HTML, and manual pages of the commands.

In the checkout's folder: sphinx-build -b html doc/source build/docs/html
(or -b man).  Nothing here reaches out to other hosts.
"""

import importlib.metadata

project = 'VMThunder'
author = 'VMThunder contributors'
copyright = '2026, VMThunder contributors'
version = release = importlib.metadata.version('vmthunder')

root_doc = 'index'
nitpicky = True
html_theme = 'alabaster'
html_theme_options = {
    'description': 'One image, many VMs, a tree of caches',
    'fixed_sidebar': True,
    'page_width': '70em',
}
html_show_sphinx = False

# Page, name, one line, authors, section of the manual.
man_pages = [
    ('volt', 'volt-api', 'the coordinator of VMThunder', [], 8),
    (
        'virtman-server',
        'virtman-server',
        'images from a tree of caches as VM disks',
        [],
        8,
    ),
    ('vmtimg', 'vmtimg', 'image targets, from a file of steps', [], 1),
    ('vmtrun', 'vmtrun', 'VM disks on many nodes, from a file', [], 1),
    ('vmtapi', 'vmtapi', 'ask a node to make VM disks', [], 3),
]
