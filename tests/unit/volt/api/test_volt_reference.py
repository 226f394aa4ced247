# SPDX-License-Identifier: Apache-2.0
"""The reference of the API tells what there is."""

import inspect
import re
from pathlib import Path

import pytest

from volt import exception, request
from volt.api.routes import ROUTE_DECLARATIONS
from volt.api.schemas import pages
from volt.exception import VoltError
from volt.metrics.counters import Counters

SOURCE = Path(__file__).parents[4] / "doc" / "source"
PAGE = (SOURCE / "rest-api.rst").read_text()
ROUTES = [
    (path, method)
    for path, methods in ROUTE_DECLARATIONS.items()
    for method in methods
]


def errors():
    return [
        kind
        for _, kind in inspect.getmembers(exception, inspect.isclass)
        if issubclass(kind, VoltError)
    ]


def test_the_table_of_errors_has_each_code_with_its_status():
    told = re.findall(r"^``(\w+)`` +(\d{3})  ", PAGE, re.MULTILINE)
    assert sorted(told) == sorted(
        (kind.code, str(kind.status)) for kind in errors()
    )


def test_no_two_errors_share_a_code():
    codes = [kind.code for kind in errors()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_every_route_has_its_paragraph(path, method):
    """Several may share one, as a GET and its HEAD do."""
    heads = re.findall(rf"^``.* {re.escape(path)}[`?[].*", PAGE, re.MULTILINE)
    assert any(f"``{method}" in head for head in heads)


def test_it_tells_the_limits_as_they_are():
    assert f"{request.LARGEST_BODY // 1024} KiB" in PAGE
    assert f"``limit`` entries ({pages.LARGEST}," in PAGE


def test_the_manual_tells_every_figure():
    told = (SOURCE / "volt.rst").read_text()
    page = Counters().text(None).decode()
    for name in re.findall(r"^# TYPE (\S+) ", page, re.MULTILINE):
        if not name.endswith("_created"):
            assert f"``{name}" in told
