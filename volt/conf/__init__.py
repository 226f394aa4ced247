# SPDX-License-Identifier: Apache-2.0
"""The options of volt, one file a topic; no option object is global."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from volt.conf import api, auth, database, keystone, strict, tree
from volt.exception import ConfigError

DEFAULT_FILE = "/etc/volt/volt.conf"
TOPICS = (api, tree, auth, database)


def new() -> cfg.ConfigOpts:
    """Return the registered options, with no file read yet."""
    conf = cfg.ConfigOpts()
    for topic in TOPICS:
        topic.register_opts(conf)
    return conf


def load(conf: cfg.ConfigOpts, args: list[str], **texts: str) -> None:
    """Read command line and files into ``conf``.

    Raises :class:`volt.exception.ConfigError` when a file is missing, or
    names an option that does not exist, or gives one a value that it cannot
    have.
    """
    try:
        conf(
            args,
            project="volt",
            prog="volt-api",
            default_config_files=[DEFAULT_FILE],
            default_config_dirs=[],
            **texts,
        )
    except cfg.ConfigFilesNotFoundError as error:
        raise ConfigError(
            f"the file {', '.join(error.config_files)} does not exist; copy "
            "volt.conf.sample, or name a file by --config-file=…"
        ) from error
    except SystemExit as ended:
        # 1 stands for a bad value, in a file, of a command line option;
        # oslo.config has named it on standard error.
        if ended.code != 1:
            raise
        raise ConfigError("an option has an invalid value") from ended
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{strict.no_text(args, DEFAULT_FILE)}: byte {error.start} is not "
            "text in UTF-8; check whether that is the right file"
        ) from error
    except cfg.Error as error:
        raise ConfigError(str(error)) from error
    try:
        keystone.register_opts(conf)
    except cfg.Error as error:
        raise ConfigError(f"auth_strategy: {error}") from error
    # With another strategy, keystone's sections may stay in the file.
    strict.check(conf, unread=keystone.SHOWN)


def list_opts() -> list[tuple[str | None, list[Any]]]:
    """Return all options for oslo-config-generator."""
    return [group for topic in TOPICS for group in topic.list_opts()]
