# SPDX-License-Identifier: Apache-2.0
"""Refuses wrong values and unknown options that oslo.config lets pass.

oslo.config converts a value when it is first read, which may be days later or
never; and it accepts options that are not registered.  Here every file is
checked at the start, and the message names the file and the option.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from oslo_config import cfg

from virtman.conf import keystone, opts
from virtman.conf.host import HELPER
from virtman.exception import ConfigError
from vmthunder import config_files

_OPTIONS = [*opts.CLI, *opts.OPTIONS]
_DEFAULTS = {option.dest: option.default for option in _OPTIONS}
_SECRET = {option.dest for option in _OPTIONS if option.secret}


def check(conf: cfg.ConfigOpts) -> None:
    """Check every option in every file that was read.

    The options of [volt] are registered here, if a file has that section.

    :raises ConfigError: names the file and the option at fault.
    """
    written = {
        file: config_files.sections(file)
        for file in config_files.read_files(conf)
    }
    if any(sections.get(keystone.GROUP) for sections in written.values()):
        keystone.register_opts(conf)
    for file, sections in written.items():
        _refuse_unknown(file, sections, conf)
        _refuse_open(file, sections.get("DEFAULT", {}))
    for name in conf:
        _read(conf, name)


def _named(argv: Sequence[str]) -> str:
    return config_files.named_files(argv, "a configuration file")


def no_text(argv: Sequence[str], error: UnicodeDecodeError) -> ConfigError:
    """Return the error for a file that could not be decoded."""
    return ConfigError(
        f"{_named(argv)}: byte {error.start} is not text in UTF-8; check "
        "whether that is the right file"
    )


def loop(argv: Sequence[str]) -> ConfigError:
    """Return the error for a value that refers to itself.

    oslo.config notices it for some options, and for others runs on.
    """
    return ConfigError(
        f"{_named(argv)}: the value of an option refers to itself by a '$'; "
        "write it out, or '$$' for a '$'"
    )


def _read(conf: cfg.ConfigOpts, name: str) -> None:
    """Convert the value of an option now, so that a wrong one is named."""
    try:
        value = conf[name]
    except cfg.ConfigFileValueError:
        # The error names the file and the option already.
        raise
    except (cfg.Error, ValueError, TypeError, RecursionError) as error:
        if name in _SECRET:
            # Without the library's message: it quotes a piece of the value.
            raise ConfigError(
                f"{name}: its value cannot be read; write '$$' for a '$'"
            ) from None
        if isinstance(error, RecursionError) or _is_loop(error, name):
            reason = "its value refers to itself"
        else:
            reason = str(error)
        raise ConfigError(f"{name}: {reason}") from error
    if value in (None, "") and _DEFAULTS.get(name) not in (None, ""):
        # Later an empty number would be None, and an empty folder the
        # current one.
        raise ConfigError(f"{name} has no value; give one or omit the line")
    if not config_files.is_printable(value):
        # The value is not shown: it may be a secret.
        raise ConfigError(
            f"{name}: its value has a character that cannot be printed; write "
            "it anew"
        )


def _is_loop(error: Exception, name: str) -> bool:
    """Tell whether oslo.config gave up at ``name = $name``."""
    return getattr(error, "opt_name", None) == name


def _refuse_unknown(
    file: str, sections: Mapping[str, Iterable[str]], conf: cfg.ConfigOpts
) -> None:
    """Raise ConfigError for an option or a section that is not registered."""
    groups = {"DEFAULT": conf}
    if keystone.GROUP in conf:
        groups[keystone.GROUP] = conf[keystone.GROUP]
    for section, keys in sections.items():
        # A section of os-brick's helper, which the agent never starts.
        if section.startswith("privsep") and not section.startswith(HELPER):
            continue
        names = {name.replace("-", "_") for name in groups.get(section, ())}
        if section.startswith(HELPER):
            names = {"helper_command"}
        for key in keys:
            if key.replace("-", "_") not in names:
                raise ConfigError(
                    f"{file}: unknown option {key!r} in section [{section}]; "
                    "see virtman.conf.sample for those there are"
                )


def _refuse_open(file: str, keys: Iterable[str]) -> None:
    """Raise ConfigError for a secret in a file that every user may read."""
    secrets = _SECRET.intersection(key.replace("-", "_") for key in keys)
    mode = stat.S_IMODE(Path(file).stat().st_mode)
    if secrets and mode & stat.S_IRWXO:
        raise ConfigError(
            f"{file} has {min(secrets)} in it, and every user of this host "
            f"may use it (mode {mode:o}); chmod 600 {file}"
        )
