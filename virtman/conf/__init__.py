# SPDX-License-Identifier: Apache-2.0
"""Reads the agent's options, checks them, and returns them as Settings.

No other part of virtman reads a ``ConfigOpts``: the composition root reads
:class:`Settings` once and passes it down.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_log import log

from virtman.conf import keystone, opts, strict
from virtman.exception import ConfigError

# os-brick logs every command twice at DEBUG, in many lines.
QUIET = [
    *log.get_default_log_levels(),
    "os_brick=WARNING",
    "oslo_concurrency=WARNING",
]
DEFAULT_FILE = "/etc/virtman/virtman.conf"


@dataclass(frozen=True)
class Settings:
    """The values of the agent's options; paths absolute, times in seconds."""

    host_ip: str
    rpc_host: str
    rpc_port: int
    rpc_token_file: Path | None
    rpc_noauth_anywhere: bool
    local_socket: Path
    local_group: str | None
    host: str
    iscsi_port: int
    open_targets: bool
    admission_port: int
    master_ip: str | None
    master_port: int
    master_token_file: Path | None
    heartbeat_interval: float
    cache_engine: str
    state_dir: Path
    run_dir: Path
    image_dirs: tuple[Path, ...]
    cache_dir: Path
    cache_max_mib: int
    cache_free_mib: int
    snapshot_dir: Path
    store_dir: Path
    snapshot_chunk: int
    snapshot_min_mib: int
    snapshot_warn_percent: int
    live_sources: int
    source_timeout: float
    place_timeout: float
    standby_wait: float
    no_source_timeout: float
    fcg_name: str
    fcg_ssds: tuple[str, ...]
    fcg_blocksize: str
    fcg_pattern: str
    root_helper: str = "sudo -n"
    helper_commands: Mapping[str, str] = field(default_factory=dict)
    """Whole commands in place of root_helper, by section of the file."""
    transport_url: str | None = field(default=None, repr=False)
    """URL of the broker; not shown, since it has a password in it."""
    master_session: Any = None
    """Session of keystoneauth1, where volt asks keystone."""

    @property
    def closed_targets(self) -> bool:
        """Whether targets ask for a secret; only volt gives readers one."""
        return self.master_ip is not None and not self.open_targets


def parse(argv: Sequence[str]) -> cfg.ConfigOpts:
    """Read the command line and the files that it names.

    :raises ConfigError: a file has an unknown option, or an option of the
        command line has a wrong value.
    """
    conf = cfg.ConfigOpts()
    log.register_options(conf)
    log.set_defaults(default_log_levels=QUIET)
    conf.register_cli_opts(opts.CLI)
    conf.register_opts(opts.OPTIONS)
    files = [DEFAULT_FILE] if Path(DEFAULT_FILE).exists() else []
    try:
        conf(list(argv), project="virtman", default_config_files=files)
    except SystemExit as ended:
        # oslo.config ends with 1 when a file has a wrong value for an option
        # of the command line; it has named the option on standard error.
        if ended.code != 1:
            raise
        raise ConfigError("an option has a value of no sense") from ended
    except cfg.NoSuchOptError as error:
        raise ConfigError(
            f"{error}; a value names it with a '$' ('$$' stands for a '$')"
        ) from error
    except UnicodeDecodeError as error:
        raise strict.no_text(argv, error) from error
    except RecursionError as error:
        raise strict.loop(argv) from error
    strict.check(conf)
    return conf


def settings(conf: cfg.ConfigOpts) -> Settings:
    """Return the values of the options, with derived paths filled in.

    :raises ConfigError: a value cannot be used, or two exclude each other.
    """
    if conf.snapshot_with_cache:
        raise ConfigError(
            "snapshot_with_cache = true: no cache engine keeps copy-on-write "
            "stores; put snapshot_dir on a fast disk instead"
        )
    if conf.snapshot_chunk & (conf.snapshot_chunk - 1):
        raise ConfigError(
            f"snapshot_chunk = {conf.snapshot_chunk} is no power of two"
        )
    state, run = _folder(conf.state_dir), _folder(conf.run_dir)
    token, session = conf.master_token_file, keystone.session(conf)
    if token and session:
        raise ConfigError(
            f"master_token_file and the section [{keystone.GROUP}]: volt "
            "asks for a secret or for a token of keystone; give one of them"
        )
    return Settings(
        host_ip=conf.host_ip,
        rpc_host=conf.rpc_host or conf.host_ip,
        rpc_port=conf.rpc_port,
        rpc_token_file=_file(conf.rpc_token_file),
        rpc_noauth_anywhere=conf.rpc_noauth_anywhere,
        local_socket=_file(conf.local_socket) or run / "agent.sock",
        local_group=conf.local_group or None,
        host=conf.host or socket.gethostname(),
        transport_url=conf.transport_url or None,
        iscsi_port=conf.iscsi_port,
        open_targets=conf.open_targets,
        admission_port=conf.admission_port,
        master_ip=conf.master_ip,
        master_port=conf.master_port,
        master_token_file=_file(token),
        heartbeat_interval=conf.heartbeat_interval,
        cache_engine=conf.cache_engine,
        state_dir=state,
        run_dir=run,
        image_dirs=tuple(map(_folder, conf.image_dirs)),
        cache_dir=_folder(conf.cache_dir or state / "cache"),
        cache_max_mib=conf.cache_max_mib,
        cache_free_mib=conf.cache_free_mib,
        snapshot_dir=_folder(conf.snapshot_dir or state / "snapshots"),
        store_dir=_folder(conf.store_dir or state / "stores"),
        snapshot_chunk=conf.snapshot_chunk,
        snapshot_min_mib=conf.snapshot_min_mib,
        snapshot_warn_percent=conf.snapshot_warn_percent,
        live_sources=conf.live_sources,
        source_timeout=conf.source_timeout,
        place_timeout=conf.place_timeout,
        standby_wait=conf.standby_wait,
        no_source_timeout=conf.no_source_timeout,
        fcg_name=conf.fcg_name,
        fcg_ssds=tuple(conf.fcg_ssds),
        fcg_blocksize=conf.fcg_blocksize,
        fcg_pattern=conf.fcg_pattern,
        root_helper=conf.root_helper,
        helper_commands=strict.helper_commands(conf),
        master_session=session,
    )


def _file(text: str | None) -> Path | None:
    return Path(text) if text else None


def _folder(text: str | Path) -> Path:
    """Return a folder as the kernel names it: absolute, without links.

    A loop device on a file there is found by the kernel's name of the file.
    """
    return Path(text).resolve()


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return every option of the agent, for oslo-config-generator."""
    return [("DEFAULT", [*opts.CLI, *opts.OPTIONS])]
