# SPDX-License-Identifier: Apache-2.0
"""The figures as a report for a reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.table import Rows, table
from bench.volt.requests import KINDS
from bench.volt.steady_state import ALONE, CROWD, INSIDE

JSON = Mapping[str, Any]
COLUMNS = (
    ("p50 ms", ALONE, "p50_ms"),
    ("p99 ms", ALONE, "p99_ms"),
    ("CPU ms", ALONE, "cpu_ms"),
    ("per s", ALONE, "per_second"),
    ("crowd p99 ms", CROWD, "p99_ms"),
    ("crowd per s", CROWD, "per_second"),
    ("inside p50 ms", INSIDE, "p50_ms"),
    ("inside CPU ms", INSIDE, "cpu_ms"),
)
LEGEND = """\
CPU is volt's own.  One connection; "crowd": {crowd} connections at once;
"inside": the application called in process, without HTTP and sockets."""


def parts(database: str, result: JSON) -> Iterator[str]:
    """Yield the parts of the report on one database."""
    sizes = result["sizes"]
    yield f"=== {database} ==="
    yield LEGEND.format(**result["plan"])
    yield table(_requests(sizes))
    yield table(_ratios(result))
    yield table(_effort(sizes))
    yield table(_memory(sizes))
    yield table(_storms(result["storms"]))
    yield _beating(result["beating"])
    for size, measured in sizes.items():
        for scan in measured["effort"]["scans"]:
            yield f"a scan, at {size} peers: {scan}"
    yield table([("aim", "measured", "met"), *_aims(result)])


def _requests(sizes: JSON) -> Rows:
    rows: list[list[object]] = []
    for kind in KINDS:
        for size, measured in sizes.items():
            ways = measured["requests"]
            cells = (ways[way][kind][key] for _, way, key in COLUMNS)
            rows.append([f"{kind}, {size} peers", *cells])
    return [["request", *(head for head, _, _ in COLUMNS)], *rows]


def _ratios(result: JSON) -> Rows:
    ratios, sizes = result["ratios"], list(result["sizes"])
    return [
        (f"CPU at {sizes[-1]} / {sizes[0]} peers", *KINDS),
        *(
            (way, *(ratios[way][kind] for kind in KINDS))
            for way in (ALONE, INSIDE)
        ),
    ]


def _effort(sizes: JSON) -> Rows:
    head = ["SQL of one", *(f"statements, {n} peers" for n in sizes)]
    head += [f"steps, {n} peers" for n in sizes]
    efforts = [measured["effort"] for measured in sizes.values()]
    return [
        head,
        *(
            [
                kind,
                *(effort["statements"][kind] for effort in efforts),
                *(effort["steps"].get(kind, "-") for effort in efforts),
            ]
            for kind in KINDS
        ),
    ]


def _memory(sizes: JSON) -> Rows:
    return [
        ("memory, MiB", *(f"{n} peers" for n in sizes)),
        ("VmRSS", *(size["memory"]["rss_mib"] for size in sizes.values())),
        ("VmHWM", *(size["memory"]["hwm_mib"] for size in sizes.values())),
    ]


def _storms(storms: Sequence[JSON]) -> Rows:
    columns = ("seconds", "cpu", "client_cpu", "no_slot", "depth")
    head = (f"{storms[0]['joins']} joins at once", *columns, "least_depth")
    return [
        head,
        *(
            (
                f"{storm['workers']} workers",
                *(storm[name] for name in head[1:]),
            )
            for storm in storms
        ),
    ]


def _beating(load: JSON) -> str:
    return (
        f"{load['nodes']} nodes beat every {load['beat_after']:.1f} s: "
        f"{load['beats_per_second']} beats/s x "
        f"{load['cpu_per_beat'] * 1000:.3f} ms of CPU = "
        f"{load['share_computed']:.3f} of a core\n"
        f"seen while they did for {load['seconds']:.0f} s over "
        f"{load['connections']} open connections: {load['share_seen']:.3f} of "
        f"a core; p99 {load['p99_ms']} ms"
    )


def _aims(result: JSON) -> Iterator[tuple[object, ...]]:
    for name, aim in result["aims"].items():
        yield name, aim["measured"], "yes" if aim["met"] else "NO"
