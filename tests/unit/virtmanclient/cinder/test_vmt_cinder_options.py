# SPDX-License-Identifier: Apache-2.0
"""The manual page has the options of a backend of Cinder's."""

import re
from pathlib import Path

import pytest

from virtmanclient.cinder import options

PAGE = Path(__file__).parents[4] / "doc" / "source" / "cinder.rst"


@pytest.mark.parametrize("option", options.OPTIONS, ids=lambda o: o.dest)
def test_the_page_has_the_option_with_its_default(option):
    default = option.default
    written = re.escape("(none)" if default in (None, []) else str(default))
    row = rf"^``{option.dest}`` +(`*){written}\1"
    assert re.search(row, PAGE.read_text(), re.MULTILINE)
