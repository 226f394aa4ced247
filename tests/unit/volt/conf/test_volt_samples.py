# SPDX-License-Identifier: Apache-2.0
"""The samples in etc/volt say what the code does."""

import configparser
import logging.config
import pathlib
import re

import pytest

from volt import conf

SAMPLES = pathlib.Path(__file__).parents[4] / "etc" / "volt"
SAMPLE = (SAMPLES / "volt.conf.sample").read_text()


def shown(section):
    """Return the options of one section, commented out or not."""
    text = SAMPLE.partition(f"[{section}]\n")[2].partition("\n[")[0]
    return dict(re.findall(r"^#?(\w+) =[ ]?(.*)$", text, re.MULTILINE))


@pytest.mark.parametrize(("group", "options"), conf.list_opts())
def test_every_option_is_in_the_sample_with_its_default(group, options):
    told = shown(group or "DEFAULT")
    for option in options:
        default = "<None>" if option.default is None else option.default
        # The generator writes truth values in small letters.
        told_default = told[option.dest]
        assert str(default) in (told_default, told_default.capitalize())


def test_the_sample_has_no_other_options():
    known = {one.dest for _, options in conf.list_opts() for one in options}
    assert {*shown("DEFAULT"), *shown("database")} == known


def test_the_sample_is_accepted_with_every_comment_taken_away(tmp_path):
    path = tmp_path / "volt.conf"
    path.write_text(
        re.sub(r"^#(\w+ =(?! <None>))", r"\1", SAMPLE, flags=re.MULTILINE)
    )
    options = conf.new()
    conf.load(options, [f"--config-file={path}"])
    assert options.database.connection == "sqlite:////var/lib/volt/volt.sqlite"


def test_the_logging_sample_is_accepted(tmp_path, monkeypatch):
    text = (SAMPLES / "logging.conf.sample").read_text()
    parser = configparser.RawConfigParser()
    parser.read_string(text.replace("/var/log/volt", str(tmp_path)))
    configured = []
    monkeypatch.setattr(
        logging.config,
        "_install_loggers",
        lambda *args: configured.append(args),
    )
    logging.config.fileConfig(parser, disable_existing_loggers=False)
    (_, handlers, _), *_ = configured
    assert set(handlers) == {"file", "stderr"}
    for handler in handlers.values():
        handler.close()
