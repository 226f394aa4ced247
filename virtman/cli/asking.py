# SPDX-License-Identifier: Apache-2.0
"""What the commands have in common that ask an agent.

Unlike the others they need the agent, and not root: the agent of this host
says who may ask (its option ``local_group``), those of other hosts are asked
through a broker, which says it.
"""

from __future__ import annotations

import abc
import argparse
import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cliff import command, lister, show

from virtman.cli import base
from virtmanclient import agent
from virtmanclient.agent import Agent
from virtmanclient.doors.verbs import Verbs
from virtmanclient.exceptions import ClientError, InvalidEndpoint
from virtmanclient.remote import RemoteAgent

ENVIRONMENT = "VIRTMAN_SOCKET"
# No option: it has a password, and command lines are everybody's to read.
BROKER = "VIRTMAN_TRANSPORT_URL"
Facts = Mapping[str, Any]


class Asking(command.Command):
    """Asks the agent; says in one line why it failed.

    ``takes`` are the words that it cannot do without, each with its help.
    """

    examples: Sequence[str] = ()
    takes: Sequence[tuple[str, str]] = ()

    @functools.cached_property
    def agent(self) -> Verbs:
        """The agent of the node that is named, or of this host.

        :raises ClientError: no broker is named, or nonsense.
        """
        if self.app.options.node is not None:
            return _remote(self.app.options.node)
        named = self.app.options.socket or os.environ.get(ENVIRONMENT)
        return Agent(named or agent.SOCKET)

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run it; return the exit status."""
        try:
            return super().run(parsed_args)
        except InvalidEndpoint as error:
            return self._failed(error, base.USAGE)
        except ClientError as error:
            return self._failed(error, base.WRONG)
        finally:
            self._let_go()

    def _failed(self, error: ClientError, status: int) -> int:
        print(f"virtman: {error}", file=self.app.stderr)
        return status

    def _let_go(self) -> None:
        """Close the connections to a broker, if there were any."""
        asked = self.__dict__.get("agent")
        if isinstance(asked, RemoteAgent):
            asked.close()

    def get_epilog(self) -> str:
        """Return the examples."""
        shown = [f"  virtman {example}" for example in self.examples]
        return "\n".join(["examples:", *shown])

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser; descriptions keep their lines."""
        parser = super().get_parser(prog_name)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.allow_abbrev = False
        for word, meaning in self.takes:
            parser.add_argument(word, help=meaning)
        return parser

    def _load_hooks(self) -> None:
        self._hooks = []


class Do(Asking, metaclass=abc.ABCMeta):
    """A command that changes something and prints nothing."""


class List(Asking, lister.Lister, metaclass=abc.ABCMeta):
    """A command that prints a row for each thing.

    ``ask`` is the verb that tells the facts of each.  What an agent of an
    older version does not tell is empty.
    """

    columns: Sequence[str] = ()
    ask: Callable[[Verbs], Iterable[Facts]]

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return the columns and the rows."""
        rows = [
            tuple(plain(one.get(column)) for column in self.columns)
            for one in self.ask(self.agent)
        ]
        return (*self.columns,), rows

    def _load_formatter_plugins(self) -> Any:
        return base.Formats()


class Show(Asking, show.ShowOne, metaclass=abc.ABCMeta):
    """A command that prints the facts of one thing."""

    def told(self, facts: Facts) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return names and values of facts."""
        return (*facts,), tuple(map(plain, facts.values()))

    def _load_formatter_plugins(self) -> Any:
        return base.Formats(lists=False)


def _remote(node: str) -> RemoteAgent:
    """Return the agent of another host."""
    url = os.environ.get(BROKER)
    if not url:
        raise InvalidEndpoint(
            f"--node {node} asks through a broker, and {BROKER} names none; "
            "set it to the agents' transport_url: "
            "rabbit://USER:PASSWORD@HOST:5672/VHOST"
        )
    return RemoteAgent(url, node)


def named(things: Iterable[Facts], name: str, kind: str) -> Facts:
    """Return the thing of that name.

    :raises ClientError: there is none.
    """
    for one in things:
        if one["name"] == name:
            return one
    raise ClientError(f"there is no {kind} {name} on this host")


def plain(value: Any) -> Any:
    """Return a value as people and programs read it."""
    return ", ".join(map(str, value)) if isinstance(value, list) else value
