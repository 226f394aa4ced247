# SPDX-License-Identifier: Apache-2.0
"""Base classes of the commands that ask an agent.

Unlike the others these commands need an agent, and not root.  The agent of
this host lets in the group of its option ``local_group``; agents of other
hosts are asked through a broker, which lets its own users in.
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
# Not an option: the URL has a password in it, and every user of a host can
# read the command lines of its processes.
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
        """The agent of the node that --node names, or of this host.

        :raises ClientError: a broker is needed, and none is named or its URL
            is wrong.
        """
        if self.app.options.node is not None:
            return _remote(self.app.options.node)
        named = self.app.options.socket or os.environ.get(ENVIRONMENT)
        return Agent(named or agent.SOCKET)

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; return the exit status."""
        try:
            return super().run(parsed_args)
        except InvalidEndpoint as error:
            return self._failed(error, base.USAGE)
        except ClientError as error:
            return self._failed(error, base.WRONG)
        finally:
            self._disconnect()

    def _failed(self, error: ClientError, status: int) -> int:
        print(f"virtman: {error}", file=self.app.stderr)
        return status

    def _disconnect(self) -> None:
        """Close the connections to a broker, if there were any."""
        # Not self.agent: that would make an agent only to close it.
        asked = self.__dict__.get("agent")
        if isinstance(asked, RemoteAgent):
            asked.close()

    def get_epilog(self) -> str:
        """Return the examples of the command."""
        lines = [f"  virtman {example}" for example in self.examples]
        return "\n".join(["examples:", *lines])

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the command's parser; descriptions keep their lines."""
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
        """Return the columns, and a row for each thing that the agent has."""
        rows = [
            tuple(plain(facts.get(column)) for column in self.columns)
            for facts in self.ask(self.agent)
        ]
        return (*self.columns,), rows

    def _load_formatter_plugins(self) -> Any:
        return base.Formats()


class Show(Asking, show.ShowOne, metaclass=abc.ABCMeta):
    """A command that prints the facts of one thing."""

    def columns_and_row(
        self, facts: Facts
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return the names and the values of facts."""
        return (*facts,), tuple(map(plain, facts.values()))

    def _load_formatter_plugins(self) -> Any:
        return base.Formats(lists=False)


def _remote(node: str) -> RemoteAgent:
    """Return the agent of another host, asked through the broker.

    :raises InvalidEndpoint: no broker is named.
    """
    url = os.environ.get(BROKER)
    if not url:
        raise InvalidEndpoint(
            f"--node {node} asks through a broker, and {BROKER} names none; "
            "set it to the agents' transport_url: "
            "rabbit://USER:PASSWORD@HOST:5672/VHOST"
        )
    return RemoteAgent(url, node)


def named(things: Iterable[Facts], name: str, kind: str) -> Facts:
    """Return the facts of the thing with this name.

    :raises ClientError: no thing has this name.
    """
    for facts in things:
        if facts["name"] == name:
            return facts
    raise ClientError(f"there is no {kind} {name} on this host")


def plain(value: Any) -> Any:
    """Return a value in the form for output: a list as one text."""
    return ", ".join(map(str, value)) if isinstance(value, list) else value
