# SPDX-License-Identifier: Apache-2.0
"""From the body of a call to the body of its answer, whatever was sent.

What is no call, names no method or has the wrong arguments gets a fault, with
one of the codes that XML-RPC servers have agreed on ("Specification for Fault
Code Interoperability", 2001).  No answer tells what the agent is made of.
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
# What XML 1.0 has no way to write (section 2.2), however it is escaped.
_UNWRITABLE = re.compile(
    "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)

Functions = Mapping[str, Callable[..., Any]]


def answer(functions: Functions, body: bytes) -> bytes:
    """Do what a call asks for and return the answer, or a fault."""
    try:
        said = xmlrpc.client.dumps(
            (_call(functions, body),), methodresponse=True, allow_none=True
        )
    except Fault as fault:
        said = xmlrpc.client.dumps(fault)
    except Exception:
        # A fault of ours: the caller gets a sentence, the log the traceback.
        LOG.exception("a call failed")
        said = xmlrpc.client.dumps(
            Fault(INTERNAL, "internal error, see the agent's log")
        )
    return _UNWRITABLE.sub(_written, said).encode()


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
        # The parser raises whatever the body leads it to; even a Fault, if
        # that is what was sent.
        LOG.info("a body is no call: %s", type(error).__name__)
        raise Fault(NO_CALL, "the body is no call of XML-RPC") from None
    return name or "", arguments


def _takes(name: str, signature: inspect.Signature) -> str:
    known = signature.parameters.values()
    must = [one.name for one in known if one.default is one.empty]
    may = [f"[{one.name}]" for one in known if one.default is not one.empty]
    return f"{name} takes: {', '.join([*must, *may]) or 'nothing'}"


def _written(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
