# SPDX-License-Identifier: Apache-2.0
"""Odd WSGI environments."""

import io

import pytest

from volt import request
from volt.exception import BadRequest, InvalidPath, TooLarge


def environ(body=b"", **more):
    return {"wsgi.input": io.BytesIO(body), **more}


@pytest.mark.parametrize("name", ["RAW_PATH_INFO", "RAW_URI", "REQUEST_URI"])
def test_the_path_is_taken_before_the_server_decoded_it(name):
    given = environ(**{name: "/v1/volumes/a%2Fb?x=1", "PATH_INFO": "/wrong"})
    assert request.raw_path(given) == "/v1/volumes/a%2Fb"


def test_a_server_that_decodes_is_understood_too():
    given = environ(PATH_INFO="/v1/volumes/a b%\xc3\xa4")
    assert request.raw_path(given) == "/v1/volumes/a%20b%25%C3%A4"
    assert request.decoded("a%20b%25%C3%A4") == "a b%ä"


def test_a_prefix_under_which_it_is_mounted_is_no_part_of_the_path():
    given = environ(REQUEST_URI="/volt/v1/volumes", SCRIPT_NAME="/volt")
    assert request.raw_path(given) == "/v1/volumes"


def test_a_path_that_is_not_utf_8_is_refused():
    with pytest.raises(InvalidPath):
        request.decoded("%ff")


@pytest.mark.parametrize("query", ["a=%ff", "&".join(["a=1"] * 30)])
def test_an_odd_query_string_is_refused(query):
    with pytest.raises(InvalidPath):
        request.parameters(environ(QUERY_STRING=query))


def test_a_body_is_read_as_far_as_it_is_announced():
    assert request.body(environ(b"abcdef", CONTENT_LENGTH="3")) == b"abc"
    assert request.body(environ(b"abcdef")) == b""


def test_a_body_shorter_than_announced_is_refused():
    with pytest.raises(BadRequest, match="early"):
        request.body(environ(b"{}", CONTENT_LENGTH="9"))


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "٣"])
def test_a_length_that_is_no_number_is_refused(length):
    with pytest.raises(BadRequest):
        request.body(environ(b"abc", CONTENT_LENGTH=length))


def test_a_large_body_is_refused_without_reading_it():
    given = environ(b"x", CONTENT_LENGTH=str(10**30))
    with pytest.raises(TooLarge):
        request.body(given)
    assert given["wsgi.input"].tell() == 0


def test_a_large_chunked_body_is_refused():
    given = environ(b"x" * 70_000, HTTP_TRANSFER_ENCODING="chunked")
    with pytest.raises(TooLarge):
        request.body(given)


def test_a_body_that_breaks_off_is_the_callers_fault():
    class Broken:
        def read(self, _most):
            raise OSError("reset")

    given = {"wsgi.input": Broken(), "CONTENT_LENGTH": "5"}
    with pytest.raises(BadRequest):
        request.body(given)
