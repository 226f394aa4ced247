# SPDX-License-Identifier: Apache-2.0
"""Trees told page by page as volt tells them, without a server."""

from voltclient.exceptions import HTTPNotFound


def level_of(position, fanout):
    level = 0
    while position > 0:
        position = (position - 1) // fanout
        level += 1
    return level


class PagedVolt:
    """Stands where HTTPClient stands; ``asked`` has the pages asked for.

    ``positions`` are those that have a peer; ``change`` is called before a
    page is told, with the number of pages told before it.
    """

    def __init__(self, positions, fanout=2, largest=1000, change=None):
        self.positions = sorted(positions)
        self.fanout = fanout
        self.largest = largest
        self.change = change
        self.asked = []

    def call(self, method, *path, query):
        assert (method, path[0]) == ("GET", "trees")
        if self.change:
            self.change(self, len(self.asked))
        self.asked.append(query)
        if not self.positions:
            raise HTTPNotFound("no such volume", "volume_not_found")
        limit = min(int(query["limit"]), self.largest)
        after = int(query.get("marker", 0))
        page = [one for one in self.positions if one > after][:limit]
        return {
            "id": path[1],
            "count": len(self.positions),
            "fanout": self.fanout,
            "depth": level_of(self.positions[-1], self.fanout),
            "peers": [self.peer(one, path[1]) for one in page],
        }

    def peer(self, position, volume="v"):
        above = (position - 1) // self.fanout
        return {
            "peer_id": f"n{position}:{volume}",
            "host": f"n{position}",
            "port": "3260",
            "iqn": f"iqn.x:{volume}",
            "lun": "1",
            "status": "OK",
            "member": f"n{position}",
            "position": position,
            "depth": level_of(position, self.fanout),
            "parent": f"n{above}:{volume}" if above else None,
            "age": 1.5,
        }
