# SPDX-License-Identifier: Apache-2.0
"""Refuses what oslo.config lets pass: unknown options, values unread yet."""

import difflib
import pathlib
import re
from collections.abc import Collection, Iterator, Mapping

from oslo_config import cfg

from volt.exception import ConfigError


def check(conf: cfg.ConfigOpts, unread: Collection[str] = ()) -> None:
    """Raise ``ConfigError`` naming file, section and option at fault.

    ``unread`` names sections that may be there though nobody knows them.
    """
    for path in _files(conf):
        for section, option in _written(path):
            known = _known(conf, section)
            if not known and section in unread:
                continue
            if option not in known:
                raise ConfigError(_unknown(path, section, option, known))
    _read_all(conf)
    for path in _files(conf):
        for section, option in _written(path):
            _require_value(conf, path, section, option)


def _files(conf: cfg.ConfigOpts) -> Iterator[str]:
    yield from conf.config_file
    for directory in conf.config_dir:
        yield from map(str, sorted(pathlib.Path(directory).glob("*.conf")))


def _written(path: str) -> Iterator[tuple[str, str]]:
    sections: dict[str, dict[str, list[str]]] = {}
    cfg.ConfigParser(path, sections).parse()
    for section, options in sections.items():
        for option in options:
            yield section, option


def _require_value(
    conf: cfg.ConfigOpts, path: str, section: str, option: str
) -> None:
    """Refuse ``workers =``, which oslo.config takes for no number at all."""
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
    """Return the file that could not be decoded, as far as is known."""
    words = [word.removeprefix("--config-file=") for word in args]
    named = [word for word in words if pathlib.Path(word).is_file()]
    return ", ".join(named) or default


def _check_text(group: str | None, option: str, value: object) -> None:
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and not text.isprintable():
            raise ConfigError(
                # Not the value: it may hold a password.
                f"[{group or 'DEFAULT'}] {option}: there is a character in "
                "its value that cannot be printed; write it anew"
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
        return False  # an option, with a value that _read will name


def _unknown(path: str, section: str, option: str, known: list[str]) -> str:
    close = difflib.get_close_matches(option, known, 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    if not known:
        hint = f" (there is no section [{section}])"
    return f"{path}: [{section}] has no option {option}{hint}"


def _read_all(conf: cfg.ConfigOpts) -> None:
    """Convert every value now: oslo.config would wait for its first use."""
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
        # Asked for the place, oslo.config converts the value once more.
        path = re.search(r"detail='(.*)'", where)
        raise ConfigError(
            f"{path[1] if path else where}: [{group or 'DEFAULT'}] {option}: "
            f"{reason}"
        ) from error
