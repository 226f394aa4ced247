# SPDX-License-Identifier: Apache-2.0
"""Refuses unknown options and bad values, which oslo.config accepts."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping

from oslo_config import cfg

from vmthunder import config_files
from volt.exception import ConfigError


def check(conf: cfg.ConfigOpts, unread: Collection[str] = ()) -> None:
    """Raise ``ConfigError`` that names the file, section and option at fault.

    ``unread`` names sections that are allowed although they have no options.
    """
    for path in config_files.read_files(conf):
        for section, option in _written(path):
            options = _known(conf, section)
            if not options and section in unread:
                continue
            if option not in options:
                raise ConfigError(_unknown(path, section, option, options))
    _read_all(conf)
    for path in config_files.read_files(conf):
        for section, option in _written(path):
            _require_value(conf, path, section, option)


def _written(path: str) -> Iterator[tuple[str, str]]:
    for section, options in config_files.sections(path).items():
        for option in options:
            yield section, option


def _require_value(
    conf: cfg.ConfigOpts, path: str, section: str, option: str
) -> None:
    """Refuse ``workers =``, which oslo.config takes for None."""
    if section == "DEFAULT":
        value = conf[option]
    elif _is_group(conf, section):
        value = conf[section][option]
    else:
        return
    if value is None:
        raise ConfigError(
            f"{path}: [{section}] {option} has no value; give one or leave "
            "the line out"
        )


def no_text(args: list[str], default: str) -> str:
    """Return the named files, or the default, one of which is not text."""
    return config_files.named_files(args, default)


def _check_text(group: str | None, option: str, value: object) -> None:
    if not config_files.is_printable(value):
        # The value itself is left out: it may hold a password.
        raise ConfigError(
            f"[{group or 'DEFAULT'}] {option}: its value has a character "
            "that cannot be printed; write the value anew"
        )


def _known(conf: cfg.ConfigOpts, section: str) -> list[str]:
    if section == "DEFAULT":
        return [name for name in conf if not _is_group(conf, name)]
    return list(conf[section]) if _is_group(conf, section) else []


def _is_group(conf: cfg.ConfigOpts, name: str) -> bool:
    if name not in conf:
        return False
    try:
        return isinstance(conf[name], Mapping)
    except (cfg.Error, ValueError, RecursionError):
        return False  # an option with a bad value, which _read reports


def _unknown(path: str, section: str, option: str, options: list[str]) -> str:
    close = difflib.get_close_matches(option, options, 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    if not options:
        hint = f" (volt has no section [{section}])"
    return f"{path}: [{section}] has no option {option}{hint}"


def _read_all(conf: cfg.ConfigOpts) -> None:
    """Convert every value now; oslo.config would wait for its first use."""
    for name in conf:
        if _is_group(conf, name):
            for option in conf[name]:
                _read(conf, option, name)
        else:
            _read(conf, name, None)


def _read(conf: cfg.ConfigOpts, option: str, group: str | None) -> None:
    try:
        value = (conf[group] if group else conf)[option]
        _check_text(group, option, value)
    except (cfg.NoSuchOptError, RecursionError) as error:
        own = getattr(error, "opt_name", option) == option
        raise ConfigError(
            f"[{group or 'DEFAULT'}] {option}: "
            f"{'its value refers to itself' if own else error}"
        ) from error
    except cfg.ConfigFileValueError as error:
        where, _, reason = str(error).partition(" is not valid: ")
        # From the message: get_location() would convert the value again.
        path = re.search(r"detail='(.*)'", where)
        raise ConfigError(
            f"{path[1] if path else where}: [{group or 'DEFAULT'}] {option}: "
            f"{reason}"
        ) from error
