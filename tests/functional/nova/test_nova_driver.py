# SPDX-License-Identifier: Apache-2.0
"""Nova with our driver: each story of stories/, told in Nova's environment."""

import ast
import pathlib

import pytest

STORIES = pathlib.Path(__file__).parent / 'stories'


def stories():
    """Yield ``module.Class.test`` of each story; Nova is not at hand here."""
    for file in sorted(STORIES.glob('stories_*.py')):
        for group in ast.parse(file.read_text()).body:
            if isinstance(group, ast.ClassDef):
                for one in group.body:
                    if isinstance(one, ast.FunctionDef):
                        yield f'{file.stem}.{group.name}.{one.name}'


@pytest.mark.timeout(900)
@pytest.mark.parametrize('story', list(stories()))
def test_in_nova(story, outcomes):
    assert story in outcomes, 'it was not told'
    assert outcomes[story] is None, outcomes[story]
