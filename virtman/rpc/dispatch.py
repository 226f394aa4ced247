# SPDX-License-Identifier: Apache-2.0
"""Turns the body of an XML-RPC call into the body of its answer.

A body that is not a call, an unknown method or wrong arguments get a fault,
with one of the codes that XML-RPC servers have agreed on ("Specification for
Fault Code Interoperability", 2001).  No answer tells what the agent is made
of.
"""

from __future__ import annotations

import inspect
import logging
import re
import xmlrpc.client
from collections.abc import Callable, Mapping
from typing import Any
from xmlrpc.client import Fault

from virtman.quoting import quoted

LOG = logging.getLogger(__name__)

NO_CALL, NO_METHOD, WRONG_ARGUMENTS = -32700, -32601, -32602
INTERNAL = -32603
# Characters that XML 1.0 cannot hold (section 2.2), however they are escaped.
_UNWRITABLE = re.compile(
    "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)

Functions = Mapping[str, Callable[..., Any]]


def answer(functions: Functions, body: bytes) -> bytes:
    """Run the function that a call names; return its answer, or a fault."""
    try:
        text = xmlrpc.client.dumps(
            (_call(functions, body),), methodresponse=True, allow_none=True
        )
    except Fault as fault:
        text = xmlrpc.client.dumps(fault)
    except Exception:
        # A fault of the agent: the caller gets a sentence, the log the
        # traceback.
        LOG.exception("a call failed")
        text = xmlrpc.client.dumps(
            Fault(INTERNAL, "internal error, see the agent's log")
        )
    return _UNWRITABLE.sub(_written, text).encode()


def _call(functions: Functions, body: bytes) -> Any:
    name, arguments = _read(body)
    function = functions.get(name)
    if function is None:
        raise Fault(
            NO_METHOD,
            f"the method {quoted(name)} is not supported; system.listMethods "
            "names those that are",
        )
    signature = inspect.signature(function)
    try:
        signature.bind(*arguments)
    except TypeError:
        raise Fault(WRONG_ARGUMENTS, _takes(name, signature)) from None
    return function(*arguments)


def _read(body: bytes) -> tuple[str, tuple[Any, ...]]:
    try:
        arguments, name = xmlrpc.client.loads(body, use_builtin_types=True)
    except Exception as error:
        # The parser raises many kinds of error, and a Fault if the body is
        # that of one.
        LOG.info("a body is not a call: %s", type(error).__name__)
        raise Fault(NO_CALL, "the body is not a call of XML-RPC") from None
    return name or "", arguments


def _takes(name: str, signature: inspect.Signature) -> str:
    parameters = signature.parameters.values()
    must = [p.name for p in parameters if p.default is p.empty]
    may = [f"[{p.name}]" for p in parameters if p.default is not p.empty]
    return f"{name} takes: {', '.join([*must, *may]) or 'nothing'}"


def _written(character: re.Match[str]) -> str:
    return character[0].encode("unicode_escape").decode()
