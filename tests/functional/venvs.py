# SPDX-License-Identifier: Apache-2.0
"""A service's own virtual environment, and stories that are told in it."""

import ast
import json
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).parents[2]
TELL = ROOT / "tests" / "functional" / "tell.py"
LONGEST = 600.0
"""Seconds for one program; a module of stories took 60 on two busy cores."""


class Environment:
    """A virtual environment: its pip, its Python."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, program, *words, **more):
        return subprocess.run(
            [self.folder / "bin" / program, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
            **more,
        )

    def pip(self, *words):
        done = self.run("pip", "--disable-pip-version-check", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def packages(self):
        """Return each distribution and its version."""
        listed = json.loads(self.pip("list", "--format=json"))
        return {one["name"]: one["version"] for one in listed}

    def wheel(self, tree, source):
        """Build ``packaging/<source>`` from a copy; builds leave files."""
        for name in ("packaging", "virtmanclient"):
            shutil.copytree(
                ROOT / name,
                tree / name,
                ignore=shutil.ignore_patterns("build", "*.egg-info", "*.pyc"),
            )
        target = tree / "wheels"
        folder = tree / "packaging" / source
        self.pip("wheel", "-q", "--no-deps", "-w", target, folder)
        [made] = target.iterdir()
        return made

    def tell(self, stories, folder, **variables):
        """Tell the stories of a file; return what went wrong in each.

        :param folder: where they work; short, since there are sockets in it
        """
        target = folder / "outcomes.json"
        surroundings = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "VIRTMAN_TEST_SOCKETS": str(folder),
            **variables,
        }
        done = self.run(
            'python', TELL, target, stories.parent, stories.stem,
            cwd=folder, env=surroundings,
        )  # fmt: skip
        assert target.exists(), done.stderr[-4000:]
        return json.loads(target.read_text())


def stories_of(folder):
    """Yield ``module.Class.test`` of each story of a folder.

    Read and not imported: what they import is not at hand here.
    """
    for file in sorted(folder.glob("stories_*.py")):
        for group in ast.parse(file.read_text()).body:
            if isinstance(group, ast.ClassDef):
                for one in group.body:
                    name = getattr(one, "name", "")
                    if name.startswith("test_"):
                        yield f"{file.stem}.{group.name}.{name}"
