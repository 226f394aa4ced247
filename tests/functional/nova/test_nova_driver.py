# SPDX-License-Identifier: Apache-2.0
"""Nova with our driver: each story of stories/, told in Nova's environment."""

import pathlib

import pytest

from tests.functional.venvs import stories_of

STORIES = pathlib.Path(__file__).parent / "stories"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("story", list(stories_of(STORIES)))
def test_in_nova(story, outcomes):
    assert story in outcomes, "it was not told"
    assert outcomes[story] is None, outcomes[story]
