# SPDX-License-Identifier: Apache-2.0
"""The configuration samples tell the options of today, and can be loaded.

Names and defaults are compared with what oslo-config-generator writes now,
and help texts with the options; the form around them may differ between
releases of oslo.config without a failure here.
"""

import io
import re
from pathlib import Path

import pytest
from oslo_config import generator

import virtman.conf
import volt.conf

ROOT = Path(__file__).parents[2]
REMEDY = (
    "stale; in the checkout run oslo-config-generator --config-file "
    "etc/{0}/{0}-config-generator.conf"
)
SERVICES = {"volt": volt.conf, "virtman": virtman.conf}
# What the generator writes for "no default" and what is no value at all.
NO_VALUE = re.compile(r"<.*>|")

service = pytest.mark.parametrize("service", SERVICES)


def sample(service):
    return ROOT / "etc" / service / f"{service}.conf.sample"


def fresh(service):
    """Return what the generator's configuration file makes today."""
    conf = generator.cfg.ConfigOpts()
    generator.register_cli_opts(conf)
    path = ROOT / "etc" / service / f"{service}-config-generator.conf"
    conf(["--config-file", str(path)])
    output = io.StringIO()
    generator.generate(conf, output)
    return output.getvalue()


def options(text):
    """Return {(section, option): default} of a sample's text."""
    found, section = {}, None
    for line in text.splitlines():
        if match := re.fullmatch(r"\[(\w+)\]", line):
            section = match[1]
        elif match := re.fullmatch(r"#(\w+) = ?(.*)", line):
            found[section, match[1]] = match[2]
    return found


def load(service, path):
    """Have the service itself read a configuration file."""
    argv = ["--config-file", str(path)]
    if service == "virtman":
        return virtman.conf.parse(argv)
    conf = volt.conf.new()
    volt.conf.load(conf, argv)
    return conf


def words(text):
    return " ".join(text.replace("\n#", " ").split())


@service
def test_the_sample_has_today_s_options_and_defaults(service):
    shown = options(sample(service).read_text())
    assert shown, "no option found"
    assert shown == options(fresh(service)), REMEDY.format(service)


@service
def test_the_sample_has_today_s_explanations(service):
    # Only of [DEFAULT]: the texts of [database] are oslo.db's to change.
    told = words(sample(service).read_text())
    groups = dict(SERVICES[service].list_opts())
    listed = [*groups.get("DEFAULT", []), *groups.get(None, [])]
    assert listed
    for option in listed:
        assert words(option.help) in told, REMEDY.format(service)


@service
def test_every_default_in_the_sample_is_accepted(service, tmp_path):
    text = sample(service).read_text()
    # So that every section is read.
    text = text.replace("#auth_strategy = token", "auth_strategy = keystone")
    text = text.replace("#auth_type = <None>", "auth_type = password")
    path = tmp_path / f"{service}.conf"
    path.write_text(re.sub(r"^#(\w+ = )(?!<)", r"\1", text, flags=re.M))
    conf = load(service, path)
    for (group, name), default in options(text).items():
        found = conf.get_location(name, None if group == "DEFAULT" else group)
        read = found is not None and found.location.name == "user"
        assert read != bool(NO_VALUE.fullmatch(default)), name
