# SPDX-License-Identifier: Apache-2.0
"""What is made of the values of a body."""

import fastjsonschema
import pytest

from volt.api.handlers import wire
from volt.api.schemas.volumes import REGISTER


@pytest.mark.parametrize("number", ["1434", 1434, 1434.0])
def test_a_whole_number_is_kept_as_its_digits(number):
    said = {"port": number, "iqn": "i", "lun": number}
    found = wire.address(said, "h")
    assert (found.port, found.lun) == ("1434", "1434")


def test_what_is_not_said_is_none():
    assert wire.address({}, "h").lun is None


@pytest.mark.parametrize(
    ("said", "taken"),
    [({"port": 1, "lun": 0}, True), ({"port": 0}, False)],
)
def test_an_old_client_s_port_is_one_that_a_service_can_have(said, taken):
    check = fastjsonschema.compile(REGISTER)
    if taken:
        assert check(said) == said
    else:
        with pytest.raises(fastjsonschema.JsonSchemaException):
            check(said)
