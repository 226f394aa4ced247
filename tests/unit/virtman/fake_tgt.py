# SPDX-License-Identifier: Apache-2.0
"""tgtd as the agent uses it; lists in the format of the captured output."""

from __future__ import annotations

from dataclasses import dataclass, field

from fake_dm import Refused

from virtman.exception import CommandError
from virtman.privsep.tgt_socket import Op

LISTING = """\
Target {tid}: {iqn}
    System information:
        Driver: iscsi
        State: ready
    I_T nexus information:
{nexus}    LUN information:
        LUN: 0
            Type: controller
            SCSI SN: beaf{tid}0
            Backing store path: None
{unit}    Account information:
{accounts}    ACL information:
{acl}"""
UNIT = """\
        LUN: 1
            Type: disk
            SCSI SN: {serial}
            Readonly: {readonly}
            Backing store path: {device}
"""
NEXUS = """\
        I_T nexus: {number}
            Initiator: {name} alias: none
"""


@dataclass
class Served:
    """One target."""

    iqn: str
    device: str | None = None
    serial: str = "beaf"
    readonly: str = "No"
    acl: list[str] = field(default_factory=list)
    initiators: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    users: list[str | None] = field(default_factory=list)
    """Slots; None is an empty one."""


class FakeTgt:
    """Every target, by its id."""

    def __init__(self) -> None:
        self.targets: dict[int, Served] = {}
        self.accounts: dict[str, str] = {}
        self.down = False

    def __call__(self, args: list[str], _: str | None) -> str:
        """Do as ``tgtadm ARGS`` would."""
        if self.down:
            raise Refused("tgtadm: failed to send request hdr to tgt daemon")
        pairs = dict(zip(args[::2], args[1::2], strict=True))
        verb = f"_{pairs['--op']}_{pairs['--mode']}"
        return getattr(self, verb)(pairs) or ""

    def account(self, op: Op, user: str, tid: int = 0, secret: str = ""):
        """Do as tgtd does when it is asked past tgtadm."""
        words = ["tgtd", "account", op.name.lower(), user]
        try:
            if op is Op.NEW:
                if user in self.accounts:
                    raise Refused("this account already exists")
                self.accounts[user] = secret
            elif op is Op.DELETE:
                del self.accounts[user]
                assert not any(user in t.users for t in self.targets.values())
            else:
                self._slot(op, user, self.targets[tid].users)
        except (Refused, KeyError) as error:
            raise CommandError(words, 1, "", str(error)) from None

    def _slot(self, op: Op, user: str, users: list[str | None]) -> None:
        if op is Op.UNBIND:
            users[users.index(user)] = None
        elif user in users or user not in self.accounts:
            raise Refused("this account is bound, or there is none")
        else:
            users.append(user)
        while users and users[-1] is None:
            users.pop()

    def _show_account(self, _: dict[str, str]) -> str:
        users = "".join(f"    {user}\n" for user in self.accounts)
        return f"Account list:\n{users}"

    def served(self, iqn: str) -> Served:
        """Return the target of that name."""
        return next(t for t in self.targets.values() if t.iqn == iqn)

    def _show_system(self, _: dict[str, str]) -> str:
        return "System:\n    State: ready\n"

    def _show_target(self, _: dict[str, str]) -> str:
        return "".join(
            _listed(tid, self.targets[tid]) for tid in sorted(self.targets)
        )

    def _new_target(self, pairs: dict[str, str]) -> None:
        tid, iqn = int(pairs["--tid"]), pairs["--targetname"]
        if tid in self.targets or iqn in {
            item.iqn for item in self.targets.values()
        }:
            raise Refused("tgtadm: this target already exists")
        self.targets[tid] = Served(iqn)

    def _new_logicalunit(self, pairs: dict[str, str]) -> None:
        assert pairs["--lun"] == "1"
        self._target(pairs).device = pairs["--backing-store"]

    def _update_logicalunit(self, pairs: dict[str, str]) -> None:
        params = dict(p.split("=") for p in pairs["--params"].split(","))
        target = self._target(pairs)
        target.serial = params["scsi_sn"]
        target.readonly = "Yes" if params["readonly"] == "1" else "No"

    def _update_target(self, pairs: dict[str, str]) -> None:
        self._target(pairs).options[pairs["--name"]] = pairs["--value"]

    def _bind_target(self, pairs: dict[str, str]) -> None:
        self._target(pairs).acl.append(_item(pairs))

    def _unbind_target(self, pairs: dict[str, str]) -> None:
        self._target(pairs).acl.remove(_item(pairs))

    def _delete_target(self, pairs: dict[str, str]) -> None:
        self._target(pairs)
        del self.targets[int(pairs["--tid"])]

    def _target(self, pairs: dict[str, str]) -> Served:
        try:
            return self.targets[int(pairs["--tid"])]
        except KeyError:
            raise Refused("tgtadm: can't find the target") from None


def _item(pairs: dict[str, str]) -> str:
    """Return the address or the name that an access list is about."""
    name = pairs.get("--initiator-name")
    return name or pairs["--initiator-address"]


def _listed(tid: int, target: Served) -> str:
    unit = target.device and UNIT.format(**vars(target))
    nexus = "".join(
        NEXUS.format(number=number, name=name)
        for number, name in enumerate(target.initiators, 1)
    )
    assert None not in target.users, "tgtd 1.0.85 would end here"
    users = "".join(f"        {user}\n" for user in target.users)
    acl = "".join(f"        {name}\n" for name in target.acl)
    return LISTING.format(
        tid=tid,
        iqn=target.iqn,
        nexus=nexus,
        unit=unit or "",
        acl=acl,
        accounts=users,
    )
