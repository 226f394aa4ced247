# SPDX-License-Identifier: Apache-2.0
"""The configuration files that a program has read, and what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from oslo_config import cfg


def read_files(conf: cfg.ConfigOpts) -> Iterator[str]:
    """Yield every file that was read, those of --config-dir included."""
    yield from conf.config_file or []
    for folder in conf.config_dir or []:
        yield from map(str, sorted(Path(folder).glob("*.conf")))


def sections(file: str) -> dict[str, dict[str, list[str]]]:
    """Return the values that stand in a file, by key, by section."""
    written: dict[str, dict[str, list[str]]] = {}
    cfg.ConfigParser(file, written).parse()
    return written


def named_files(argv: Sequence[str], default: str) -> str:
    """Return the files that a command line names, as text, or the default."""
    words = (word.removeprefix("--config-file=") for word in argv)
    return ", ".join(word for word in words if Path(word).is_file()) or default


def is_printable(value: object) -> bool:
    """Tell whether an option's value, a text or a list, can be printed."""
    texts = value if isinstance(value, list) else [value]
    return all(text.isprintable() for text in texts if isinstance(text, str))
