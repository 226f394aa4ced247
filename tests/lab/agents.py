# SPDX-License-Identifier: Apache-2.0
"""The agents of the lab's nodes, asked at their local doors."""

from __future__ import annotations

import json

from demo.site import CHECKOUT

ASK = """
import json, sys
sys.path.insert(0, sys.argv[1])
from virtmanclient.agent import Agent
from virtmanclient.exceptions import ClientError
verb, arguments = json.loads(sys.stdin.read())
try:
    print(json.dumps(getattr(Agent(timeout=300), verb)(**arguments)))
except ClientError as error:
    print(json.dumps({type(error).__name__: str(error)}))
"""


def ask(node, verb, **arguments):
    """Ask the agent of a node; return the answer, or the error's name."""
    argv = ["python3", "-S", "-c", ASK, str(CHECKOUT)]
    asked = json.dumps([verb, arguments])
    return json.loads(node.run(argv, input=asked, timeout=300).stdout)
