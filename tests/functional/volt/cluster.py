# SPDX-License-Identifier: Apache-2.0
"""Nodes that live on a volt-api, and what its trees look like then."""

import dataclasses
import http.client
import json
import threading
import time
import urllib.parse

from volt_process import TOKEN

PATIENCE = 120
IQN = "iqn.2010-10.org.openstack:v"


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    headers: dict
    told: object

    @property
    def error(self):
        return self.told["error"]


class Wire:
    """Asks over one connection, and over a new one when that is gone."""

    def __init__(self, port):
        self._port = port
        self._http = None

    def __call__(self, method, path, body=None):
        """Return the answer; OSError or HTTPException if there is none."""
        try:
            return self._ask(method, path, body)
        except BaseException:
            self.close()
            raise

    def close(self):
        if self._http:
            self._http.close()
        self._http = None

    def _ask(self, method, path, body):
        if self._http is None:
            where = ("127.0.0.1", self._port, PATIENCE)
            self._http = http.client.HTTPConnection(*where)
        told = None if body is None else json.dumps(body)
        self._http.request(method, path, told, {"X-Auth-Token": TOKEN})
        answer = self._http.getresponse()
        raw = answer.read()
        headers = {
            name.lower(): value for name, value in answer.headers.items()
        }
        return Answer(answer.status, headers, json.loads(raw) if raw else None)


LOST = (OSError, http.client.HTTPException)
"""What a connection ends with when its server is killed."""


class Node:
    """One node of one volume; an agent, or a client of the original."""

    def __init__(self, name, volume="v", agent=True):
        self.name = name
        self.volume = volume
        self.agent = agent
        self.peer_id = f"{name}:{volume}"
        self.address = {
            "host": name,
            "port": "3260",
            "iqn": IQN,
            "lun": "1",
        }

    def join(self, wire):
        body = self.address | ({"accept_pending": True} if self.agent else {})
        path = f"/v1/volumes/query/{quoted(self.volume)}"
        return wire("GET", path, body)

    def register(self, wire):
        return wire("POST", self._path, self.address)

    def beat(self, wire):
        """Beat; what an agent serves brings it back if it was forgotten."""
        body = {"host": self.name}
        if self.agent:
            named = {"session_name": self.volume, "peer_id": self.peer_id}
            body["serving"] = [self.address | named]
        return wire("PUT", "/v1/members/heartbeat", body)

    def leave(self, wire):
        return wire("DELETE", self._path)

    @property
    def _path(self):
        return f"/v1/volumes/{quoted(self.volume)}/{quoted(self.peer_id)}"


def quoted(name):
    return urllib.parse.quote(name, safe="")


def placed(answer):
    """Tell whether a join has been given a place."""
    return answer.status == 200 and answer.told["peer_id"] is not None


def insist(ask, wire, done=lambda answer: answer.status == 200):
    """Ask until it is done, as agents do; return all answers.

    A request whose connection broke counts as None: nobody can tell what
    became of it.
    """
    answers, end = [], time.monotonic() + PATIENCE
    while not answers or not answers[-1] or not done(answers[-1]):
        assert time.monotonic() < end, f"not in {PATIENCE} s: {answers[-3:]}"
        if answers:
            time.sleep(0.05)
        try:
            answers.append(ask(wire))
        except LOST:
            answers.append(None)
    return answers


def each_in_a_thread(work, items):
    """Run ``work`` for all items at the same time; return the results."""
    items = list(items)
    results, errors = [None] * len(items), []
    gun = threading.Barrier(len(items))

    def run(number):
        try:
            gun.wait(PATIENCE)
            results[number] = work(items[number])
        except BaseException as error:
            errors.append(error)

    threads = [
        threading.Thread(target=run, args=(number,), daemon=True)
        for number in range(len(items))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * PATIENCE)
    assert not errors, errors[:3]
    assert not any(thread.is_alive() for thread in threads)
    return results


PAGE = 1000


def tree(port, volume="v"):
    """Read a tree, hold it to its shape, return its peers by peer id.

    One of more than a page must not change meanwhile.
    """
    wire, peers, after = Wire(port), [], 0
    while True:
        path = f"/v1/trees/{quoted(volume)}?limit={PAGE}&marker={after}"
        page = wire("GET", path)
        if page.status == 404 and not peers:
            return {}
        assert page.status == 200, page
        peers += page.told["peers"]
        if len(page.told["peers"]) < PAGE:
            break
        after = peers[-1]["position"]
    wire.close()
    check_shape(peers, page.told)
    return {peer["peer_id"]: peer for peer in peers}


def check_shape(peers, told):
    """Hold a tree to one peer a place, parents above, and its depth."""
    fanout, count = told["fanout"], told["count"]
    places = {peer["position"]: peer["peer_id"] for peer in peers}
    assert len(places) == len(peers) == count
    assert len({peer["peer_id"] for peer in peers}) == count
    for peer in peers:
        above = (peer["position"] - 1) // fanout
        assert peer["position"] > 0
        # A parent stands at a smaller position: there can be no cycle, and
        # no place has more than ``fanout`` children.
        assert peer["parent"] == places.get(above)
        assert peer["parent"] or above == 0, f"{peer} is an orphan"
    levels = 0
    while fanout**levels < count + 1:
        levels += 1
    assert told["depth"] == max(peer["depth"] for peer in peers)
    assert told["depth"] <= levels + 1
