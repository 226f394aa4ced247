# SPDX-License-Identifier: Apache-2.0
"""Refuses what oslo.config lets pass, by file and option, before it is used.

oslo.config reads a value when it is first asked for, which may be days later
or never; and it lets through options that nobody has registered.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from oslo_config import cfg

from virtman.conf import keystone, opts
from virtman.exception import ConfigError

# Begins the names of the helpers' sections, which oslo.privsep registers.
_HELPER = "privsep_virtman"
_DEFAULTS = {one.dest: one.default for one in [*opts.CLI, *opts.OPTIONS]}
_SECRET = {one.dest for one in [*opts.CLI, *opts.OPTIONS] if one.secret}


def check(conf: cfg.ConfigOpts) -> None:
    """Look at every option in every file that was read.

    Those of [volt] are known from here on, if there is that section.

    :raises ConfigError: names the file and the option at fault.
    """
    written = {file: _sections(file) for file in _files(conf)}
    if any(sections.get(keystone.GROUP) for sections in written.values()):
        keystone.register_opts(conf)
    for file, sections in written.items():
        _refuse_unknown(file, sections, conf)
        _refuse_open(file, sections.get("DEFAULT", {}))
    for name in conf:
        _read(conf, name)


def helper_commands(conf: cfg.ConfigOpts) -> dict[str, str]:
    """Return each privsep section's ``helper_command``; the last counts."""
    return {
        section: keys["helper_command"][-1]
        for file in _files(conf)
        for section, keys in _sections(file).items()
        if section.startswith(_HELPER) and "helper_command" in keys
    }


def no_text(argv: Sequence[str], error: UnicodeDecodeError) -> ConfigError:
    """Return what is to be said when a file could not be decoded."""
    return ConfigError(
        f"{_named(argv)}: byte {error.start} is no text in UTF-8; see whether "
        "that is the right file, and write it anew"
    )


def loop(argv: Sequence[str]) -> ConfigError:
    """Return what is to be said when a value leads to itself.

    oslo.config notices it for some options, and for others runs on.
    """
    return ConfigError(
        f"{_named(argv)}: the value of an option refers to itself by a '$'; "
        "write it out, or '$$' for a '$'"
    )


def _named(argv: Sequence[str]) -> str:
    """Name the files that a command line names."""
    words = (word.removeprefix("--config-file=") for word in argv)
    named = ", ".join(word for word in words if Path(word).is_file())
    return named or "a configuration file"


def _read(conf: cfg.ConfigOpts, name: str) -> None:
    """Convert a value now, so that one that makes no sense is named."""
    try:
        value = conf[name]
    except cfg.ConfigFileValueError:
        # It tells file and option by itself.
        raise
    except (cfg.Error, ValueError, TypeError, RecursionError) as error:
        if name in _SECRET:
            # What the library says has a piece of the value in it.
            raise ConfigError(
                f"{name}: its value cannot be read; write '$$' for a '$'"
            ) from None
        if isinstance(error, RecursionError) or _is_loop(error, name):
            reason = "its value refers to itself"
        else:
            reason = str(error)
        raise ConfigError(f"{name}: {reason}") from error
    if value in (None, "") and _DEFAULTS.get(name) not in (None, ""):
        # As a number it would be None, as a folder the current one.
        raise ConfigError(f"{name} has no value; give one or omit the line")
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and not text.isprintable():
            raise ConfigError(
                # Not the value: it may be a secret.
                f"{name}: there is a character in its value that cannot be "
                "printed; write it anew"
            )


def _is_loop(error: Exception, name: str) -> bool:
    """Tell whether oslo.config gave up at ``name = $name``."""
    return getattr(error, "opt_name", None) == name


def _files(conf: cfg.ConfigOpts) -> Iterator[str]:
    """Yield every file that was read, those of --config-dir too."""
    yield from conf.config_file or []
    for folder in conf.config_dir or []:
        yield from map(str, sorted(Path(folder).glob("*.conf")))


def _sections(file: str) -> dict[str, dict[str, list[str]]]:
    """Return what is written in a file: values by key, by section."""
    sections: dict[str, dict[str, list[str]]] = {}
    cfg.ConfigParser(file, sections).parse()
    return sections


def _refuse_unknown(
    file: str, sections: Mapping[str, Iterable[str]], conf: cfg.ConfigOpts
) -> None:
    """Raise ConfigError for a key or a section that means nothing to us."""
    known = {"DEFAULT": conf}
    if keystone.GROUP in conf:
        known[keystone.GROUP] = conf[keystone.GROUP]
    for section, keys in sections.items():
        # Of os-brick's helper, which the agent has no use for.
        if section.startswith("privsep") and not section.startswith(_HELPER):
            continue
        names = {name.replace("-", "_") for name in known.get(section, ())}
        if section.startswith(_HELPER):
            names = {"helper_command"}
        for key in keys:
            if key.replace("-", "_") not in names:
                raise ConfigError(
                    f"{file}: unknown option {key!r} in section [{section}]; "
                    "see virtman.conf.sample for those there are"
                )


def _refuse_open(file: str, keys: Iterable[str]) -> None:
    """Raise ConfigError for a secret in a file that everybody may read."""
    secrets = _SECRET.intersection(key.replace("-", "_") for key in keys)
    mode = stat.S_IMODE(Path(file).stat().st_mode)
    if secrets and mode & stat.S_IRWXO:
        raise ConfigError(
            f"{file} has {min(secrets)} in it, and every user of this host "
            f"may use it (mode {mode:o}); chmod 600 {file}"
        )
