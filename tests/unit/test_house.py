# SPDX-License-Identifier: Apache-2.0
"""The house: each package's top level, what each folder says of itself."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# What stands beside the folders, at the top of each package; all else has a
# room.  A new file here is a decision: see CONTRIBUTING.rst.
TOP = {
    "virtman": (
        "compute exception formats log_once model names path quoting stack "
        "sysfs waiting worker"
    ),
    "volt": (
        "compose deploy event exception middleware model pace request rules "
        "wsgi"
    ),
    "virtmanclient": (
        "agent client exceptions remote stores targets vmtapi vmtimg vmtrun"
    ),
    "vmthunder": "addresses config_files keystone_login logs secret_file",
    "voltclient": (
        "application branches client environment exceptions http images "
        "members options paging retry shell tokens transport trees types "
        "volumes"
    ),
}
PACKAGES = (*TOP, "lab", "demo", "bench", "cloud")
# Files in one folder, beyond which a reader searches instead of looking.
WIDEST = 21


def python_files(package):
    """Return the modules of a package, without the copies that pip builds."""
    files = sorted((ROOT / package).rglob("*.py"))
    return [f for f in files if "build" not in f.relative_to(ROOT).parts]


def folders():
    """Return every folder of the packages that holds modules."""
    return sorted(
        {file.parent for name in PACKAGES for file in python_files(name)}
    )


def opening(folder):
    """Return the first line of what a folder says of itself."""
    text = (folder / "__init__.py").read_text()
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def picture(page):
    """Return the lines of a page's picture of the folders."""
    start = page.index("  virtman/ ")
    end = page.index("=====", start)
    return [line for line in page[start:end].splitlines() if line.strip()]


@pytest.mark.parametrize("package", sorted(TOP))
def test_the_top_level_of_a_package_is_what_is_named(package):
    here = {file.stem for file in (ROOT / package).glob("*.py")}
    assert here - {"__init__"} == set(TOP[package].split())


@pytest.mark.parametrize("package", sorted(TOP))
def test_no_folder_is_too_wide_to_be_looked_through(package):
    wide = {
        str(folder.relative_to(ROOT)): len(list(folder.glob("*.py")))
        for folder in folders()
        if folder.relative_to(ROOT).parts[0] == package
    }
    assert {name: n for name, n in wide.items() if n > WIDEST} == {}


def test_each_folder_says_its_one_job_in_a_sentence():
    # cloud/horizon/served and cloud/neutron are copied to where they run.
    mute = [
        str(folder.relative_to(ROOT))
        for folder in folders()
        if folder.name not in ("served", "neutron")
        and not opening(folder).endswith(".")
    ]
    assert mute == []


def test_the_picture_of_the_folders_is_the_tree_of_folders():
    page = (ROOT / "doc/source/architecture.rst").read_text()
    drawn, above = set(), []
    for line in picture(page):
        depth = (len(line) - len(line.lstrip())) // 2 - 1
        name = line.split()[0]
        if name.endswith("/"):
            above[depth:] = [name.rstrip("/")]
            drawn.add("/".join(above))
    here = {
        str(folder.relative_to(ROOT))
        for folder in folders()
        if folder.relative_to(ROOT).parts[0] in TOP
    }
    assert drawn == here


# Lines of a file, and of a function: what fits in the head of a reader.
LONGEST_FILE, LONGEST_FUNCTION = 300, 40


def modules():
    """Yield every module of the packages: its name, its text."""
    for package in PACKAGES:
        for file in python_files(package):
            yield str(file.relative_to(ROOT)), file.read_text()


def test_no_file_is_too_long_to_be_read_at_once():
    lines = {name: text.count("\n") for name, text in modules()}
    assert {name: n for name, n in lines.items() if n > LONGEST_FILE} == {}


def test_no_function_is_too_long_to_be_read_at_once():
    lines = {
        f"{name}: {node.name}": node.end_lineno - node.lineno + 1
        for name, text in modules()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: n for name, n in lines.items() if n > LONGEST_FUNCTION} == {}


# Words that the field does not know, as names of files, folders, classes and
# functions; doc/source/glossary.rst has the term that stands for each.
OLD_WORDS = {
    "virtman": (
        "belongings Thing Toolbox toolbox Remains remains inuse Seat Told "
        "Wallet wallet Knock knock Rhythm rhythm keeper Links contracts "
        "Mender mender hurry Hurried outage Outage wording OpenStore Watch "
        "Steps fullness noderecord storefile storetargets imagetargets "
        "remotestore storesessions tgtd patience Patience fills Calls"
    ),
    "volt": (
        "door Seat Told Crew crew staffing aside Duty duty treework "
        "gate trouble scoreboard Figures figures Watch Door Alone Gate "
        "Trouble TreeWork"
    ),
    "virtmanclient": (
        "Cows Debts debts Lanes lanes Order orders records watching "
        "Hopeless Silent Away Refusal refusals faults"
    ),
    "bench": "asks steady aims Effort Beating Storm Inside Aims",
    "cloud": "plane trial Trial",
}


def names_in(package):
    """Return the names of a package's files, folders, classes, functions."""
    found = set()
    for file in python_files(package):
        found |= set(file.relative_to(ROOT).with_suffix("").parts)
        found |= {
            node.name
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.ClassDef | ast.FunctionDef)
        }
    return found


@pytest.mark.parametrize("package", sorted(OLD_WORDS))
def test_no_name_is_a_word_that_the_field_does_not_know(package):
    assert names_in(package) & set(OLD_WORDS[package].split()) == set()


# Names of variables and parameters that do not say what they hold.
VAGUE = ("told", "said", "found", "known", "shown", "thing", "one", "what")


def test_no_variable_has_a_name_that_does_not_say_what_it_holds():
    vague = [
        f"{name}:{node.lineno}"
        for name, text in modules()
        for node in ast.walk(ast.parse(text))
        if (isinstance(node, ast.arg) and node.arg in VAGUE)
        or (
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Store)
            and node.id in VAGUE
        )
    ]
    assert vague == []
