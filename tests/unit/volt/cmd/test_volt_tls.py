# SPDX-License-Identifier: Apache-2.0
"""Files for TLS: what is taken, and how the rest is refused."""

import ssl

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from volt.cmd import tls
from volt.exception import ConfigError


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def files(tmp_path, authority):
    """Write a certificate, its key and its authority; return their paths."""
    issued = authority.issue_cert("127.0.0.1")
    paths = [tmp_path / name for name in ("cert.pem", "key.pem", "ca.pem")]
    issued.cert_chain_pems[0].write_to_path(paths[0])
    issued.private_key_pem.write_to_path(paths[1])
    authority.cert_pem.write_to_path(paths[2])
    paths[1].chmod(0o600)
    return [str(path) for path in paths]


def refused(*arguments):
    with pytest.raises(ConfigError) as error:
        tls.context(*arguments)
    return str(error.value)


def test_without_files_there_is_no_tls():
    assert tls.context(None, None, None) is None
    assert tls.context("", "", "") is None


def test_a_pair_makes_a_modern_context_that_lets_every_client_in(files):
    made = tls.context(files[0], files[1], None)
    assert made.minimum_version is ssl.TLSVersion.TLSv1_2
    assert made.verify_mode is ssl.CERT_NONE


def test_with_authorities_clients_have_to_show_a_certificate(files):
    made = tls.context(*files)
    assert made.verify_mode is ssl.CERT_REQUIRED
    assert len(made.get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ("cert_file", "key_file"),
        ("key_file", "cert_file"),
        ("ca_file", "cert_file and key_file"),
    ],
)
def test_a_half_is_refused_with_the_option_that_is_missing(given, missing):
    options = ("cert_file", "key_file", "ca_file")
    told = refused(*["/x" if name == given else None for name in options])
    assert told.startswith(f"{given} is given, but not {missing}")
    assert f"add {missing}" in told


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_file_that_is_not_there_is_named_with_its_option(files, which):
    files[which] += ".not"
    option = ("cert_file", "key_file", "ca_file")[which]
    assert refused(*files).startswith(f"{option} {files[which]}: No such file")


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("text", ["", "no PEM", "\xff\xfe"])
def test_a_file_of_something_else_is_named(tmp_path, files, which, text):
    (tmp_path / "other").write_text(text, encoding="latin1")
    (tmp_path / "other").chmod(0o600)
    files[which] = str(tmp_path / "other")
    option = ("cert_file", "key_file", "ca_file")[which]
    assert refused(*files).startswith(f"{option} {files[which]} has no ")


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_damaged_file_is_named(tmp_path, files, which):
    lines = (tmp_path / files[which]).read_text().splitlines(True)
    (tmp_path / files[which]).write_text("".join([lines[0], *lines[2:]]))
    assert files[which] in refused(*files)


def test_files_in_the_wrong_order_are_named(files):
    told = refused(files[1], files[0], None)
    assert told.startswith(f"cert_file {files[1]} has no certificate")


def test_a_key_of_another_certificate_is_named(tmp_path, files, authority):
    other = str(tmp_path / "other.pem")
    authority.issue_cert("127.0.0.1").private_key_pem.write_to_path(other)
    (tmp_path / "other.pem").chmod(0o600)
    told = refused(files[0], other, None)
    assert told.startswith(f"key_file {other} is not the key of")
    assert files[0] in told


@pytest.mark.parametrize(
    "form", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8]
)
def test_a_key_with_a_pass_phrase_is_refused_and_not_asked_for(
    tmp_path, files, form
):
    path = tmp_path / "key.pem"
    key = load_pem_private_key(path.read_bytes(), None)
    locked = BestAvailableEncryption(b"x")
    path.write_bytes(key.private_bytes(Encoding.PEM, form, locked))
    told = refused(*files)
    assert "pass phrase" in told
    assert "openssl pkey" in told


@pytest.mark.parametrize("mode", [0o644, 0o602])
def test_a_key_that_everybody_can_use_is_refused(tmp_path, files, mode):
    (tmp_path / "key.pem").chmod(mode)
    assert f"mode {mode:o}" in refused(*files)
