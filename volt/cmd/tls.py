# SPDX-License-Identifier: Apache-2.0
"""Makes the TLS context of the files, with errors that name the remedy."""

from __future__ import annotations

import pathlib
import ssl
import stat

from volt.exception import ConfigError

CERTIFICATE = "-----BEGIN CERTIFICATE-----"
KEY = "PRIVATE KEY-----"


def context(
    cert_file: str | None, key_file: str | None, ca_file: str | None
) -> ssl.SSLContext | None:
    """Return the TLS context of the service, None for no TLS.

    With ``ca_file`` only clients that show a certificate signed by one of
    its authorities get through.  Raises ``ConfigError``.
    """
    if not cert_file and not key_file and not ca_file:
        return None
    if not cert_file or not key_file:
        raise ConfigError(_half(cert_file, key_file))
    _check_certificate("cert_file", cert_file)
    _check_key(key_file)
    made = _modern()
    _load(made, cert_file, key_file)
    if ca_file:
        _check_certificate("ca_file", ca_file)
        _demand(made, ca_file)
    return made


def _half(cert_file: str | None, key_file: str | None) -> str:
    given, missing = "ca_file", "cert_file and key_file"
    if cert_file:
        given, missing = "cert_file", "key_file"
    elif key_file:
        given, missing = "key_file", "cert_file"
    return (
        f"{given} is given, but not {missing}: TLS needs a certificate and "
        f"its key; add {missing}, or take {given} away to serve without TLS"
    )


def _modern() -> ssl.SSLContext:
    """Return a context of TLS 1.2 and 1.3 with the ciphers of OpenSSL."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    # Renegotiation would let a client waste the server's time.
    made.options |= ssl.OP_NO_RENEGOTIATION
    made.set_alpn_protocols(["http/1.1"])
    return made


def _check_certificate(option: str, path: str) -> None:
    if CERTIFICATE not in _text(option, path):
        raise ConfigError(
            f"{option} {path} has no certificate in PEM, which begins with "
            f"{CERTIFICATE}"
        )


def _check_key(path: str) -> None:
    text = _text("key_file", path)
    if KEY not in text:
        raise ConfigError(f"key_file {path} has no private key in PEM")
    if "ENCRYPTED" in text:
        raise ConfigError(
            f"key_file {path} needs a pass phrase, which a service cannot "
            f"type: openssl pkey -in {path} -out NEW, and keep NEW safe"
        )
    mode = stat.S_IMODE(pathlib.Path(path).stat().st_mode)
    if mode & stat.S_IRWXO:
        raise ConfigError(
            f"key_file {path}: every user of this host may use it (mode "
            f"{mode:o}); chmod 640, and chgrp to the group of the service"
        )


def _text(option: str, path: str) -> str:
    try:
        return pathlib.Path(path).read_text(encoding="latin1")
    except OSError as error:
        raise ConfigError(
            f"{option} {path}: {error.strerror}; make the file readable for "
            "volt-api's user"
        ) from error


def _load(made: ssl.SSLContext, cert_file: str, key_file: str) -> None:
    try:
        made.load_cert_chain(cert_file, key_file)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                f"key_file {key_file} is not the key of the first "
                f"certificate in cert_file {cert_file}"
            ) from error
        raise ConfigError(
            f"cert_file {cert_file} and key_file {key_file} cannot be used: "
            f"{error.reason or error}; look at them with openssl x509 -in, "
            "openssl pkey -in"
        ) from error


def _demand(made: ssl.SSLContext, ca_file: str) -> None:
    try:
        made.load_verify_locations(ca_file)
    except ssl.SSLError as error:
        raise ConfigError(
            f"ca_file {ca_file} cannot be used: {error.reason or error}; "
            "look at it with openssl x509 -in"
        ) from error
    made.verify_mode = ssl.CERT_REQUIRED
