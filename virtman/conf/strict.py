# SPDX-License-Identifier: Apache-2.0
"""Refuses wrong values and unknown options that oslo.config lets pass.

oslo.config converts a value when it is first read, which may be days later or
never; and it accepts options that are not registered.  Here every file is
checked at the start, and the message names the file and the option.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from oslo_config import cfg

from virtman.conf import keystone, opts
from virtman.exception import ConfigError

# The names of the helpers' sections begin so; oslo.privsep registers them.
_HELPER = "privsep_virtman"
_OPTIONS = [*opts.CLI, *opts.OPTIONS]
_DEFAULTS = {option.dest: option.default for option in _OPTIONS}
_SECRET = {option.dest for option in _OPTIONS if option.secret}


def check(conf: cfg.ConfigOpts) -> None:
    """Check every option in every file that was read.

    The options of [volt] are registered here, if a file has that section.

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
    """Return the error for a file that could not be decoded."""
    return ConfigError(
        f"{_named(argv)}: byte {error.start} is no text in UTF-8; see whether "
        "that is the right file, and write it anew"
    )


def loop(argv: Sequence[str]) -> ConfigError:
    """Return the error for a value that refers to itself.

    oslo.config notices it for some options, and for others runs on.
    """
    return ConfigError(
        f"{_named(argv)}: the value of an option refers to itself by a '$'; "
        "write it out, or '$$' for a '$'"
    )


def _named(argv: Sequence[str]) -> str:
    """Return the names of the files that a command line gives, as text."""
    words = (word.removeprefix("--config-file=") for word in argv)
    named = ", ".join(word for word in words if Path(word).is_file())
    return named or "a configuration file"


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
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and not text.isprintable():
            raise ConfigError(
                # The value is not shown: it may be a secret.
                f"{name}: there is a character in its value that cannot be "
                "printed; write it anew"
            )


def _is_loop(error: Exception, name: str) -> bool:
    """Tell whether oslo.config gave up at ``name = $name``."""
    return getattr(error, "opt_name", None) == name


def _files(conf: cfg.ConfigOpts) -> Iterator[str]:
    """Yield every file that was read, those of --config-dir included."""
    yield from conf.config_file or []
    for folder in conf.config_dir or []:
        yield from map(str, sorted(Path(folder).glob("*.conf")))


def _sections(file: str) -> dict[str, dict[str, list[str]]]:
    """Return the values of a file, by key, by section."""
    sections: dict[str, dict[str, list[str]]] = {}
    cfg.ConfigParser(file, sections).parse()
    return sections


def _refuse_unknown(
    file: str, sections: Mapping[str, Iterable[str]], conf: cfg.ConfigOpts
) -> None:
    """Raise ConfigError for an option or a section that is not registered."""
    groups = {"DEFAULT": conf}
    if keystone.GROUP in conf:
        groups[keystone.GROUP] = conf[keystone.GROUP]
    for section, keys in sections.items():
        # A section of os-brick's helper, which the agent never starts.
        if section.startswith("privsep") and not section.startswith(_HELPER):
            continue
        names = {name.replace("-", "_") for name in groups.get(section, ())}
        if section.startswith(_HELPER):
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
