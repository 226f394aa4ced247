# SPDX-License-Identifier: Apache-2.0
"""Run a module of stories in a service's environment; write what came of each.

One process for a module: importing Nova takes longer than most stories.
"""

import json
import pathlib
import sys
import unittest


class Outcome(unittest.TextTestResult):
    """Keeps, for each story, what went wrong; None if nothing did."""

    def startTest(self, test):
        super().startTest(test)
        self.kept = getattr(self, "kept", {})
        self.kept[test.id()] = None

    def _keep(self, test, error):
        self.kept[test.id()] = self._exc_info_to_string(error, test)

    def addError(self, test, error=None, details=None):
        super().addError(test, error)
        self._keep(test, error)

    def addFailure(self, test, error=None, details=None):
        super().addFailure(test, error)
        self._keep(test, error)


def main(target, folder, module, *only):
    """Write ``{story: trouble or null}`` to a file as JSON.

    :param folder: where the module is, and what it imports.
    :param only: parts of the names of stories, if not all are wanted.
    """
    sys.path.insert(0, folder)
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in only] or None
    stories = loader.loadTestsFromName(module)
    runner = unittest.TextTestRunner(verbosity=2, resultclass=Outcome)
    result = runner.run(stories)
    pathlib.Path(target).write_text(json.dumps(result.kept))


if __name__ == "__main__":
    main(*sys.argv[1:])
