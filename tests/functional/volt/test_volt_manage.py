# SPDX-License-Identifier: Apache-2.0
"""volt-manage as operators meet it, on every kind of database."""

import pathlib
import re
import subprocess
import sys

import pytest
import sqlalchemy as sa
from volt_process import ROOT, write_conf

from volt.cmd.manage import main
from volt.registry import engine, schema

SCRIPT = pathlib.Path(sys.executable).with_name("volt-manage")


@pytest.fixture
def manage(tmp_path, database, capsys):
    """Run a command on the database; return exit code and output."""
    path = write_conf(tmp_path, 7447, database={"connection": database.url})

    def run(*command):
        code = main([f"--config-file={path}", *command])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture
def change(database):
    """Run a statement behind volt's back."""

    def run(statement):
        opened = engine.connect(database.url)
        with opened.begin() as connection:
            connection.execute(sa.text(statement))
        opened.dispose()

    return run


def test_the_life_of_a_database(manage, database):
    assert manage("db", "version") == (3, "none empty\n", "")
    code, told, _ = manage("db", "check")
    assert (code, "is empty" in told) == (3, True)
    code, told, _ = manage("db", "upgrade")
    assert (code, told) == (0, f"the tables are made, at revision {HEAD}\n")
    code, told, _ = manage("db", "upgrade")
    assert (code, "already" in told) == (0, True)
    assert manage("db", "version") == (0, f"{HEAD} current\n", "")


HEAD = schema.HEAD
SERVERS = {"sqlite": "SQLite", "postgresql": "Post", "mariadb": "MariaDB"}


def test_a_check_tells_what_an_operator_asks_first(manage, database):
    manage("db", "upgrade")
    code, told, _ = manage("db", "check")
    assert code == 0
    lines = dict(line.split(maxsplit=1) for line in told.splitlines())
    assert lines["server"].startswith(SERVERS[database.kind])
    assert re.search(r"\d+\.\d+", lines["server"])
    assert HEAD in lines["tables"]
    assert re.fullmatch(r"in \d+\.\d ms", lines["answers"])
    # Both clocks are this host's.
    assert abs(float(lines["clock"].split()[0])) < 60
    assert lines["changes"] == "are taken"


def test_a_check_changes_nothing(manage, database, tmp_path):
    before = sorted(tmp_path.iterdir())
    manage("db", "check")
    manage("db", "version")
    assert manage("db", "version")[1] == "none empty\n"
    assert sorted(tmp_path.iterdir()) == before


def test_old_tables_are_told_and_upgraded(manage, monkeypatch):
    manage("db", "upgrade")
    monkeypatch.setattr(schema, "HEAD", "0003")
    assert manage("db", "version") == (3, "0002 behind\n", "")
    code, told, _ = manage("db", "check")
    assert code == 3
    assert "volt-manage db upgrade" in told


def test_tables_of_a_newer_volt_are_left_alone(manage, change):
    manage("db", "upgrade")
    change("UPDATE alembic_version SET version_num = '9999'")
    assert manage("db", "version") == (3, "9999 unknown\n", "")
    code, _, told = manage("db", "upgrade")
    assert code == 1
    assert "run the newer volt" in told
    assert manage("db", "version") == (3, "9999 unknown\n", "")


def test_tables_of_somebody_else_are_left_alone(manage, change):
    change("CREATE TABLE volumes (id INTEGER)")
    assert manage("db", "version") == (3, "none foreign\n", "")
    code, _, told = manage("db", "upgrade")
    assert code == 1
    assert "tables volumes that volt did not make" in told


AWAY = {
    "nothing listens": "postgresql://u:secret@127.0.0.1:{port}/volt",
    "nothing listens there either": "mariadb://u:secret@127.0.0.1:{port}/v",
    "no such folder": "sqlite:////nosuch/volt.sqlite",
    "no database": "sqlite:///{folder}/text",
}


@pytest.mark.parametrize("why", AWAY)
def test_what_cannot_be_reached_is_told_in_a_line(
    why, tmp_path, capsys, unused_port
):
    (tmp_path / "text").write_text("no database" * 100)
    url = AWAY[why].format(port=unused_port, folder=tmp_path)
    path = write_conf(tmp_path, 7447, database={"connection": url})
    for command in ("check", "version", "upgrade"):
        code = main([f"--config-file={path}", "db", command])
        told = capsys.readouterr()
        if why == "no such folder" and command != "upgrade":
            assert code == 3
            continue
        assert code == 1
        assert told.err.startswith("volt-manage: cannot open the registry")
        assert "secret" not in told.err
        assert "Traceback" not in told.err


def run(*command):
    return subprocess.run(
        [SCRIPT, *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_help_tells_the_exit_codes_and_what_each_command_is_for():
    told = run("--help")
    assert told.returncode == 0
    for word in ("registry", "/etc/volt/volt.conf", "sudo -u volt", "with 3"):
        assert word in " ".join(told.stdout.split())
    told = run("db", "upgrade", "--help").stdout
    assert "make a copy of it" in " ".join(told.split())


@pytest.mark.parametrize("command", [(), ("db",), ("db", "nosuch"), ("x",)])
def test_a_wrong_command_line_is_told_and_exits_with_2(command):
    told = run(*command)
    assert told.returncode == 2
    assert told.stderr.startswith("usage: volt-manage")
