# SPDX-License-Identifier: Apache-2.0
"""Whatever is asked, volt answers; what it refuses changes nothing."""

import io
import json
import urllib.parse

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from volt import compose, conf
from volt.api.routes import ROUTE_DECLARATIONS
from volt.registry.models import metadata

ADDRESS = {"host": "n1", "port": "3260", "iqn": "iqn.2026-01.x:v", "lun": "1"}
ERROR = {"code", "title", "message", "request_id"}

names = st.sampled_from(["v", "n1:v", "n9:v", "w", ""]) | st.text(max_size=8)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["n1", "3260", "1", "v", "n1:v"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
members = {
    name: values | st.just(right)
    for name, right in (
        *ADDRESS.items(),
        *{
            "session_name": "v",
            "peer_id": "n1:v",
            "accept_pending": True,
        }.items(),
        *{"size": 8, "generation": "g", "serial": "s", "digest": None}.items(),
        ("failed", [{"host": "n2", "port": "3260"}]),
    )
}
objects = st.fixed_dictionaries({}, optional=members)
bodies = (
    st.binary(max_size=40)
    | objects.map(lambda value: json.dumps(value).encode())
    | st.lists(objects, max_size=3).map(
        lambda value: json.dumps({"serving": value}).encode()
    )
)
queries = st.dictionaries(
    st.sampled_from(["limit", "marker", "force", "host", "port"]) | names,
    st.sampled_from(["1", "0", "true", "n1", "3260"]) | names,
    max_size=2,
).map(
    lambda pairs: urllib.parse.urlencode(pairs, errors="surrogatepass")
) | st.text(max_size=20)


ROUTES = [
    (path, method)
    for path, methods in ROUTE_DECLARATIONS.items()
    for method in methods
    if path.startswith("/v1/")
]


@st.composite
def requests(draw):
    """Draw mostly what there is, with odd names in it."""
    path, method = draw(st.sampled_from(ROUTES))
    for name in ("volume_id", "image_id", "peer_id"):
        raw = draw(names).encode(errors="surrogatepass")
        path = path.replace(f"{{{name}}}", urllib.parse.quote(raw, safe=""))
    odd = draw(st.integers(0, 9))
    return {
        "REQUEST_METHOD": draw(st.text(max_size=5)) if odd == 0 else method,
        "RAW_URI": draw(st.text(max_size=20)) if odd == 1 else path,
        "QUERY_STRING": draw(queries | st.just("")),
        "HTTP_X_OPENSTACK_REQUEST_ID": draw(st.text(max_size=80)),
        "REMOTE_ADDR": draw(st.sampled_from(["n1", "n2", "fe80::1", ""])),
    }


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    path = tmp_path_factory.mktemp("volt") / "volt.conf"
    path.write_text(
        "[DEFAULT]\nauth_strategy = noauth\nnoauth_anywhere = true\n"
        "[database]\nconnection = sqlite://\n"
    )
    options = conf.new()
    conf.load(options, [f"--config-file={path}"])
    made = compose.compose(options)
    for host in ("n1", "n2", "n3", "n4"):
        body = json.dumps(ADDRESS | {"accept_pending": True}).encode()
        status, _, _ = ask(
            made, body, {"RAW_URI": "/v1/volumes/query/v", "REMOTE_ADDR": host}
        )
        assert status == 200
    return made


def ask(service, body, given):
    told = []
    environ = {
        "REQUEST_METHOD": "GET",
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "volt",
        "SERVER_PORT": "7447",
    } | given
    answer = service.application(environ, lambda *start: told.extend(start))
    return int(told[0].split()[0]), dict(told[1]), b"".join(answer)


def rows(service):
    """Return all that the registry holds."""
    with service.engine.connect() as connection:
        return [
            connection.execute(sa.select(table)).all()
            for table in metadata.sorted_tables
        ]


@given(requests(), bodies)
@settings(max_examples=100)
def test_every_request_is_answered_and_a_refused_one_changes_nothing(
    service, request, body
):
    before = rows(service)
    status, headers, answer = ask(service, body, request)
    assert status < 500, (status, answer)
    assert headers["x-openstack-request-id"].startswith("req-")
    if status < 400:
        return
    assert rows(service) == before
    assert len(answer) < 2000
    if request["REQUEST_METHOD"] != "HEAD":
        error = json.loads(answer)["error"]
        assert error.keys() == ERROR
        assert all(error.values())


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
@settings(max_examples=40)
def test_every_printable_name_lives_a_whole_life(service, text):
    name = text[:255]
    if name in (".", ".."):
        name = "dots"
    path = urllib.parse.quote(name, safe="")
    peer = urllib.parse.quote(f"fe80::2:{name}", safe="")
    where = {"REMOTE_ADDR": "fe80::2"}
    serving = ADDRESS | {"session_name": name, "peer_id": f"fe80::2:{name}"}
    for method, target, body in (
        ("GET", f"query/{path}", {}),
        ("POST", f"{path}/{peer}", ADDRESS),
        ("GET", path, {}),
        ("DELETE", f"{path}/{peer}", {}),
    ):
        given = {"REQUEST_METHOD": method, "RAW_URI": f"/v1/volumes/{target}"}
        status, _, answer = ask(
            service, json.dumps(body).encode(), given | where
        )
        assert status == 200, answer
    beat = {"REQUEST_METHOD": "PUT", "RAW_URI": "/v1/members/heartbeat"}
    body = json.dumps({"serving": [serving]}).encode()
    status, _, answer = ask(service, body, beat | where)
    (told,) = json.loads(answer)["peers"]
    assert told["peer_id"] == f"fe80::2:{name}"
    given = {"REQUEST_METHOD": "DELETE", "QUERY_STRING": "force=true"}
    status, _, _ = ask(
        service, b"", given | {"RAW_URI": f"/v1/volumes/{path}"}
    )
    assert status == 200
