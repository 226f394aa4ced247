# SPDX-License-Identifier: Apache-2.0
"""What each command asks volt, and what it makes of the answer."""

import csv
import io
import json

import pytest
import yaml

AT = {"host": "10.0.0.1", "port": "3260", "iqn": "iqn.x:v", "lun": "1"}
IMAGE = {
    "id": "v",
    "size": 131072,
    "generation": "g1",
    "serial": "VMT1",
    "digest": None,
    "sources": [AT, AT | {"host": "fe80::2"}],
}
MEMBERS = [
    {"host": "n1", "age": 0.4, "due": 14.6, "peers": 1},
    {"host": "n2", "age": 200.0, "due": 0.0, "peers": 2},
]


def peer(name, position, depth, parent=None, **more):
    return {
        "peer_id": f"{name}:v",
        "host": name,
        "port": "3260",
        "iqn": "iqn.x:v",
        "lun": "1",
        "status": "OK",
        "member": name,
        "position": position,
        "depth": depth,
        "parent": parent,
        "age": 0.44,
    } | more


PEERS = [
    peer("n1", 1, 1),
    peer("n2", 2, 1, age=12.2),
    peer("n3", 3, 2, "n1:v", status="pending", port=None, age=None),
    peer("n4", 4, 2, "n1:v", member="m4", age=200.0),
    peer("n5", 5, 2, "n2:v", peer_id="odd", age=90_000.0),
    peer("n6", 7, 3, "n3:v", age=3600.0),
]
TREE = {"id": "v", "count": 6, "fanout": 2, "depth": 3, "peers": PEERS}

DRAWN = """\
v: 6 peers, depth 3, fan-out 2
image servers: 10.0.0.1:3260, [fe80::2]:3260
├── n1  OK  depth 1  heard 0.4 s ago
│   ├── n3  pending  depth 2  never heard
│   │   └── n6  OK  depth 3  heard 1 h ago
│   └── n4  OK  depth 2  heard 3 min 20 s ago  member m4  peer n4:v
└── n2  OK  depth 1  heard 12 s ago
    └── n5  OK  depth 2  heard 1 d 1 h ago  peer odd
"""


@pytest.fixture(autouse=True)
def answers(stub):
    stub.answer("GET /v1/volumes", [{"id": "v", "count": 6}])
    stub.answer("GET /v1/images", [IMAGE])
    stub.answer("GET /v1/images/v", IMAGE)
    stub.answer("GET /v1/members?limit=1000", MEMBERS)
    stub.answer("GET /v1/members?limit=1000&marker=n2", [])
    stub.answer("GET /v1/trees/v?limit=1000", TREE)
    stub.answer("GET /v1/trees/v?limit=1", TREE | {"peers": PEERS[:1]})


ROWS = {
    "volume list": [{"id": "v", "peers": 6}],
    "image list": [{"id": "v", "size": 2**26, "serial": "VMT1", "sources": 2}],
    "member list": MEMBERS,
    "peer list v": [
        {
            name: one[name]
            for name in ("peer_id", "host", "port", "iqn", "lun", "status")
        }
        for one in PEERS
    ],
    "tree v": [
        {name: one[name] for name in one if name not in ("port", "iqn", "lun")}
        for one in PEERS
    ],
}
FIELDS = {
    "volume show v": {
        "id": "v",
        "peers": 6,
        "depth": 3,
        "fanout": 2,
        "image_servers": IMAGE["sources"],
    },
    "image show v": IMAGE | {"size": 2**26},
    "member show n2": MEMBERS[1]
    | {
        "places": [{"volume": "v", "status": "OK", "depth": 1, "parent": None}]
    },
}
everything = pytest.mark.parametrize("what", [*ROWS, *FIELDS])
lists = pytest.mark.parametrize("what", ROWS)


def told(what):
    return ROWS.get(what) or FIELDS[what]


@everything
def test_json(volt, what):
    done = volt(*what.split(), "-f", "json")
    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out) == told(what)


@everything
def test_yaml(volt, what):
    done = volt(*what.split(), "-f", "yaml")
    assert (done.status, done.err) == (0, "")
    assert yaml.safe_load(done.out) == told(what)


@lists
def test_csv(volt, what):
    done = volt(*what.split(), "-f", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert rows == [
        {name: "" if one[name] is None else str(one[name]) for name in one}
        if what != "tree v"
        # cliff writes an age, which people read otherwise, as text.
        else {
            name: str(one[name])
            if one[name] is not None or name == "age"
            else ""
            for name in one
        }
        for one in told(what)
    ]


@lists
def test_value(volt, what):
    done = volt(*what.split(), "-f", "value")
    assert done.out.splitlines() == [
        " ".join(str(one[name]) for name in columns(what))
        for one in told(what)
    ]


def columns(what):
    if what == "tree v":
        order = "peer_id host status depth position parent member age"
        return order.split()
    return list(told(what)[0])


@everything
def test_a_table_for_people(volt, what):
    done = volt(*what.split(), *(["-f", "table"] if what == "tree v" else []))
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == lines[-1] == lines[2]
    assert set(lines[0]) == {"+", "-"}


def test_people_read_sizes_and_times_with_units(volt):
    assert "64.0 MiB" in volt("image", "show", "v").out
    shown = volt("member", "list").out
    assert "| 0.4 s " in shown
    assert "| 3 min 20 s " in shown


def test_a_list_that_is_empty_is_a_list(volt, stub):
    stub.answer("GET /v1/volumes", [])
    assert volt("volume", "list", "-f", "json").out == "[]\n"
    assert volt("volume", "list", "-f", "yaml").out == "[]\n"


def test_json_on_one_line(volt):
    done = volt("member", "list", "-f", "json", "--noindent")
    assert done.out.count("\n") == 1
    assert json.loads(done.out) == MEMBERS


def test_columns_are_picked_and_rows_are_sorted(volt):
    done = volt(
        *("member", "list", "-f", "value", "-c", "host"),
        *("--sort-column", "peers", "--sort-descending"),
    )
    assert done.out == "n2\nn1\n"


def test_a_tree_is_drawn(volt):
    done = volt("tree", "v")
    assert (done.status, done.err) == (0, "")
    assert done.out == DRAWN


def test_a_tree_is_drawn_down_to_a_depth(volt):
    drawn = DRAWN.splitlines()
    del drawn[4]
    assert volt("tree", "v", "--depth", "2").out.splitlines() == drawn
    one = volt("tree", "v", "--depth", "1").out.splitlines()[2:]
    assert [line.split()[1] for line in one] == ["n1", "n2"]


def test_the_branch_of_a_node_is_drawn(volt):
    """Whom it reads through, itself, and who reads through it."""
    assert volt("tree", "v", "--host", "n3").out.splitlines()[2:] == [
        "└── n1  OK  depth 1  heard 0.4 s ago",
        "    └── n3  pending  depth 2  never heard",
        "        └── n6  OK  depth 3  heard 1 h ago",
    ]
    shown = volt("tree", "v", "--host", "m4", "-f", "value", "-c", "host")
    assert shown.out == "n1\nn4\n"


def test_a_branch_has_a_depth_too(volt):
    done = volt("tree", "v", "--host", "n1", "--depth", "2", "-f", "value")
    assert [line.split()[1] for line in done.out.splitlines()] == [
        "n1",
        "n3",
        "n4",
    ]


def test_levels_are_picked_in_other_formats_too(volt):
    done = volt("tree", "v", "--depth", "1", "-f", "value", "-c", "host")
    assert done.out == "n1\nn2\n"


def test_a_node_without_a_place_is_told_before_anything_is_drawn(volt):
    done = volt("tree", "v", "--host", "n9")
    assert (done.status, done.out) == (1, "")
    assert done.err == (
        "volt: node n9 has no place in the tree of v; 'volt member show n9' "
        "tells which it has\n"
    )


def test_an_image_that_nobody_registered_has_a_tree_all_the_same(volt, stub):
    error = {"code": "image_not_found", "message": "no image v"}
    stub.answer("GET /v1/images/v", {"error": error}, 404)
    lines = volt("tree", "v").out.splitlines()
    assert lines[1] == "image servers: none registered"
    assert lines[2:] == DRAWN.splitlines()[2:]
    done = volt("volume", "show", "v", "-f", "json")
    assert json.loads(done.out)["image_servers"] == []


def test_a_tree_that_changes_while_it_is_drawn_is_told(volt, stub):
    stub.answer("GET /v1/trees/v?limit=1000", TREE | {"count": 7})
    for after in range(1, 20):
        for limit in range(1, 40):
            stub.answer(
                f"GET /v1/trees/v?limit={limit}&marker={after}",
                TREE | {"peers": []},
            )
    done = volt("tree", "v")
    assert done.out.splitlines()[2:] == DRAWN.splitlines()[2:]
    assert done.err == (
        "volt: the tree changed while it was drawn: 6 peers instead of 7\n"
    )


def test_a_drawing_has_no_columns(volt):
    for option in ("-c", "--sort-column"):
        done = volt("tree", "v", option, "host")
        assert (done.status, done.out) == (2, "")
        assert "add -f table" in done.err


@pytest.mark.parametrize("option", ["-c", "--sort-column"])
def test_a_column_that_is_none_is_refused_with_those_there_are(
    volt, stub, option
):
    done = volt("volume", "list", option, "Nope")
    assert done.status == 2
    assert done.err == (
        "volt: unknown column nope; the columns are: id, peers\n"
    )
    assert stub.requests == []


def test_a_member_is_shown_with_its_places(volt, stub):
    """Also when a volume vanishes meanwhile."""
    volumes = [{"id": name, "count": 6} for name in ("gone", "v", "w")]
    stub.answer("GET /v1/volumes", volumes)
    stub.answer("GET /v1/trees/gone?limit=1000", {}, 404)
    member = MEMBERS[0] | {"host": "m4"}
    stub.answer("GET /v1/members?limit=1000", [member])
    done = volt("member", "show", "m4", "-f", "json")
    assert json.loads(done.out)["places"] == [
        {"volume": "v", "status": "OK", "depth": 2, "parent": "n1:v"}
    ]
    # All it has is found: the last volume is not looked through.
    assert not [one for one in stub.requests if "trees/w" in one[0]]


def test_a_member_that_is_none_is_told(volt):
    done = volt("member", "show", "n9")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("volt: volt hears of no node n9; ")


@pytest.mark.parametrize(
    ("args", "request_"),
    [
        ("volume delete v", "DELETE /v1/volumes/v?force=false"),
        ("volume delete v --force", "DELETE /v1/volumes/v?force=true"),
        ("peer remove v n1:v", "DELETE /v1/volumes/v/n1%3Av"),
    ],
)
def test_what_changes_something_says_nothing(volt, stub, args, request_):
    stub.answer(request_, b"")
    done = volt(*args.split())
    assert (done.status, done.out, done.err) == (0, "", "")
    assert [request for request, *_ in stub.requests] == [request_]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("volume_not_found", "volt volume list"),
        ("peer_not_found", "volt peer list"),
        ("image_not_found", "volt image list"),
        ("not_found", "an older volt?"),
    ],
)
def test_what_is_not_there_is_told_in_a_line_with_the_remedy(
    volt, stub, code, remedy
):
    error = {"code": code, "message": "not\nthere", "request_id": "req-1"}
    stub.answer("GET /v1/trees/x?limit=1", {"error": error}, 404)
    done = volt("volume", "show", "x")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("volt: not there (HTTP 404, req-1); ")
    assert done.err.count("\n") == 1
    assert remedy in done.err
