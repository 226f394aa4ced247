# SPDX-License-Identifier: Apache-2.0
"""Files of secrets: all lines are valid, and no error shows one."""

from __future__ import annotations

import pytest

from vmthunder import secret_file

OLD, NEW = (
    "an-old-secret-of-32-characters-..",
    "a-new-secret-of-32-characters-...",
)


@pytest.fixture
def write(tmp_path):
    def write(text, mode=0o600):
        file = tmp_path / "secrets"
        file.write_text(text)
        file.chmod(mode)
        return file

    return write


def test_every_line_but_comments_is_a_secret(write):
    file = write(f"# the two of May\n{NEW}\n\n  {OLD}  \n")
    assert secret_file.read(file, "") == (NEW.encode(), OLD.encode())


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        ("", 0o600, "has no secret; write one"),
        ("# alone", 0o600, "has no secret; write one"),
        (f"{OLD}\nshort", 0o600, "line 2: a secret has at least 16"),
        (f"{OLD}\nwith \N{LATIN SMALL LETTER E WITH ACUTE} in it, and long",
         0o600, "line 2"),
        (OLD, 0o604, "mode 604.*; chmod 600 it"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_named_with_the_remedy(
    write, text, mode, reason
):
    file = write(text, mode)
    with pytest.raises(ValueError, match=reason) as refusal:
        secret_file.read(file, "chmod 600 it")
    assert str(file) in str(refusal.value)
    for secret in filter(None, text.split("\n")):
        assert secret not in str(refusal.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="none: No such file"):
        secret_file.read(tmp_path / "none", "")
