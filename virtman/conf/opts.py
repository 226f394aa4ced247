# SPDX-License-Identifier: Apache-2.0
"""Defines the agent's options, all in [DEFAULT], as in the original.

``host_port`` and ``thread_pool_size`` have no effect any more; a file that
still has them is accepted with a warning.
"""

from __future__ import annotations

from oslo_config import cfg
from oslo_utils import netutils

_GONE = "Has had no effect since the agent was rewritten."

CLI = [
    cfg.HostAddressOpt(
        "host_ip",
        default=netutils.get_my_ipv4(),
        sample_default="<the address of the default route>",
        help="Address of this node: peers are sent to it.",
    ),
    cfg.PortOpt(
        "rpc_port",
        default=7774,
        help="TCP port of the XML-RPC door.",
    ),
]

OPTIONS = [
    cfg.HostAddressOpt(
        "rpc_host",
        help="Address that the XML-RPC door is bound to. One that other hosts "
        "reach needs rpc_token_file. Default: $host_ip.",
    ),
    cfg.StrOpt(
        "rpc_token_file",
        help="File with the secret that callers of the XML-RPC door show; of "
        "several lines each is valid. It is read with each call. For example: "
        "(umask 077; openssl rand -hex 32 > /etc/virtman/rpc-token)",
    ),
    cfg.BoolOpt(
        "rpc_noauth_anywhere",
        default=False,
        help="Let the XML-RPC door serve other hosts without rpc_token_file. "
        "Whoever reaches the port may then make and destroy disks as root: "
        "for closed networks only.",
    ),
    cfg.StrOpt(
        "local_socket",
        sample_default="$run_dir/agent.sock",
        help="Unix socket of the door for programs of this host, Nova's "
        "among them.",
    ),
    cfg.StrOpt(
        "local_group",
        help="Group whose members may use local_socket; root and the agent's "
        "own user always may. For Nova: nova.",
    ),
    cfg.StrOpt(
        "transport_url",
        secret=True,
        help="Broker through which programs of other hosts call this agent, "
        "Cinder's among them: rabbit://USER:PASSWORD@HOST:5672/VHOST, several "
        "hosts by commas; what is neither letter nor digit in the password as "
        "%XX; oslo.messaging's options for RabbitMQ as ?ssl=true&ssl_ca_file="
        "/PATH. Whoever the broker lets in may do everything. Needs pip "
        "install vmthunder[messaging]. Without it no broker is used.",
    ),
    cfg.HostDomainOpt(
        "host",
        sample_default="<the name of this host>",
        help="Name by which callers behind the broker address this agent; no "
        "two agents may have one name. Where Nova runs: that of nova.conf.",
    ),
    cfg.PortOpt(
        "iscsi_port",
        default=3260,
        help="TCP port on which this node's tgtd serves; told to volt.",
    ),
    cfg.BoolOpt(
        "open_targets",
        default=False,
        help="Let everybody log in to the targets of this node, not only the "
        "nodes that volt sends to it. For readers that are no agents, or "
        "older ones. A node without master_ip does so anyway.",
    ),
    cfg.PortOpt(
        "admission_port",
        default=7775,
        help="TCP port on host_ip at which readers show the tickets that volt "
        "has given them; the same on all nodes.",
    ),
    cfg.HostAddressOpt(
        "master_ip",
        help="Address of volt. Without it the node works alone: every image "
        "is read straight from its image server.",
    ),
    cfg.PortOpt("master_port", default=7447, help="TCP port of volt."),
    cfg.StrOpt(
        "master_token_file",
        help="File that holds the secret which volt asks for "
        "(auth_strategy = token); of several lines the first counts.  It is "
        "read with each call.  Where volt asks keystone (auth_strategy = "
        "keystone), fill in the section [volt] instead.",
    ),
    cfg.FloatOpt(
        "heartbeat_interval",
        default=5.0,
        min=0.1,
        help="Seconds between two heartbeats until volt says otherwise, and "
        "between two looks for images that nobody uses.",
    ),
    cfg.StrOpt(
        "cache_engine",
        default="qemu",
        help="What keeps the blocks: 'qemu' (copy-on-read by "
        "qemu-storage-daemon) or 'flashcache' (needs that kernel module, "
        "which builds on kernels up to about 4.12).",
    ),
    cfg.StrOpt(
        "state_dir",
        default="/var/lib/virtman",
        help="Where the agent keeps what must survive a restart.",
    ),
    cfg.StrOpt(
        "run_dir",
        default="/run/virtman",
        help="Where sockets and pid files live; emptied by a reboot.",
    ),
    cfg.ListOpt(
        "image_dirs",
        default=["/srv/images"],
        help="Folders that image files are served from, with all below them; "
        "a link out of them is not followed.",
    ),
    cfg.StrOpt(
        "cache_dir",
        help="File system of the cached images; each may grow to the image's "
        "size. Default: $state_dir/cache.",
    ),
    cfg.IntOpt(
        "cache_max_mib",
        default=0,
        min=0,
        help="MiB that the cached images of this node may take up together, "
        "each counted in full; 0: as many as cache_dir's file system has. For "
        "the engine qemu.",
    ),
    cfg.IntOpt(
        "cache_free_mib",
        default=64,
        min=0,
        help="MiB of cache_dir's file system that cached images leave free. "
        "For the engine qemu.",
    ),
    cfg.StrOpt(
        "snapshot_dir",
        help="File system of the copy-on-write stores; each may grow to a "
        "little more than the image's size. Default: $state_dir/snapshots.",
    ),
    cfg.StrOpt(
        "store_dir",
        help="File system of the copy-on-write stores that this node keeps "
        "for disks of other hosts, as volumes of Cinder have them; each may "
        "grow to a little more than the disk's size. Default: "
        "$state_dir/stores.",
    ),
    cfg.IntOpt(
        "snapshot_chunk",
        default=128,
        min=8,
        max=2048,
        help="Chunk of a snapshot in sectors of 512 bytes, a power of two: "
        "what the first write to it copies.",
    ),
    cfg.IntOpt(
        "snapshot_min_mib",
        default=16,
        min=1,
        help="A copy-on-write device that is given must hold as many MiB.",
    ),
    cfg.IntOpt(
        "snapshot_warn_percent",
        default=80,
        min=1,
        max=100,
        help="How full, in percent, a copy-on-write device that is smaller "
        "than its image gets before the log warns of it.",
    ),
    cfg.BoolOpt(
        "snapshot_with_cache",
        default=False,
        help="Keep copy-on-write stores behind the cache too. No engine can "
        "yet: true is refused at start.",
    ),
    cfg.IntOpt(
        "live_sources",
        default=2,
        min=1,
        help="How many of an image's sources to keep logged in: the parent "
        "and what takes over when it dies.",
    ),
    cfg.FloatOpt(
        "source_timeout",
        default=60.0,
        min=1.0,
        help="Seconds a create waits for the first source to answer.",
    ),
    cfg.FloatOpt(
        "place_timeout",
        default=20.0,
        min=0.0,
        help="Seconds to ask volt for a place in the tree while it has none; "
        "then the image server is read.",
    ),
    cfg.FloatOpt(
        "standby_wait",
        default=5.0,
        min=0.0,
        help="Seconds the parent has to appear before the next source is "
        "read in its place, and before volt is told that it has failed.",
    ),
    cfg.FloatOpt(
        "no_source_timeout",
        default=0.0,
        min=0.0,
        help="Seconds that reads wait while no source of an image lives; then "
        "they fail, as those of a disk that is gone, until one is back. 0: "
        "they wait for ever.",
    ),
    cfg.StrOpt(
        "root_helper",
        default="sudo -n",
        help="What starts virtman-privsep-helper as root for an agent that "
        "another user runs; root's agent needs none. For one of the four "
        "helpers alone the whole command can be given as helper_command in a "
        "section [privsep_virtman_devices], [privsep_virtman_iscsi], "
        "[privsep_virtman_storage] or [privsep_virtman_host].",
    ),
    cfg.StrOpt(
        "fcg_name",
        default="fcg",
        help="Name of the flashcache group's devices.",
    ),
    cfg.ListOpt(
        "fcg_ssds",
        default=["/dev/loop0"],
        help="Block devices that the flashcache group caches on.",
    ),
    cfg.StrOpt(
        "fcg_blocksize",
        default="4k",
        choices=["4k", "8k", "16k"],
        help="Block size of the flashcache group.",
    ),
    cfg.StrOpt(
        "fcg_pattern",
        default="back",
        choices=["back", "through", "around"],
        help="How the flashcache group writes.",
    ),
    cfg.IntOpt("host_port", deprecated_for_removal=True, help=_GONE),
    cfg.IntOpt("thread_pool_size", deprecated_for_removal=True, help=_GONE),
]
