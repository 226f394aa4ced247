# SPDX-License-Identifier: Apache-2.0
"""Wrong requests and missing things: a clear answer, nothing changed.

Each test compares what the node holds before and after.
"""

from __future__ import annotations

import contextlib

import pytest

from demo.site import CHECKOUT, side_by_side

pytestmark = pytest.mark.lab

FOLDER = "/var/lib/virtman"


@contextlib.contextmanager
def unchanged(bed, node):
    before = bed.held(node)
    yield
    assert bed.held(node) == before


UNSERVABLE = {
    "true": "not exists",
    ": > $0": "is empty",
    "head -c 1000 /dev/zero > $0": "no multiple of 512",
    "mkdir $0": "not a plain file",
    "truncate -s 1M $0; losetup -f $0": "attached to /dev/loop",
    "truncate -s 1M $0; exec 3>>$0; sleep 60 & echo": "open for writing",
}


def test_an_image_file_that_cannot_be_served_is_refused(bed, subtests):
    file = f"{FOLDER}/bad.img"
    node = bed.master
    with unchanged(bed, node):
        for make, says in UNSERVABLE.items():
            with subtests.test(says), made(node, make, file):
                answer = bed.site.call(
                    node, "create_image_target", "bad", file
                )
                assert answer.startswith("2:Virtman: Image Service:"), answer
                assert says in answer
                assert file in answer


@contextlib.contextmanager
def made(node, script, file):
    """Have a file made by a script; take it away with what holds it."""
    node.run(["sh", "-c", f"({script}) >/dev/null 2>&1", file])
    try:
        yield
    finally:
        node.run(
            ["sh", "-c", "losetup -j $0 | cut -d: -f1 | xargs -r losetup -d;"
             "pkill sleep; rm -rf $0", file],
            check=False,
        )  # fmt: skip


NO_IMAGES = (
    "/etc/passwd", f"{FOLDER}/../../../etc/passwd", f"{FOLDER}/link",
    f"{FOLDER}/cache/x.data",
)  # fmt: skip


def test_a_file_that_is_no_image_is_not_exported(bed, subtests):
    link, node = f"{FOLDER}/link", bed.master
    node.run(["ln", "-s", "/etc/passwd", link])
    try:
        with unchanged(bed, node):
            for file in NO_IMAGES:
                with subtests.test(file):
                    answer = bed.site.call(
                        node, "create_image_target", "bad", file
                    )
                    assert answer.startswith("2:Virtman: Image Service:")
                    assert (
                        "is in no folder that images are served from" in answer
                    )
    finally:
        node.run(["rm", link])


def test_a_caller_without_the_secret_is_let_in_by_no_node(bed):
    ask = (
        "import xmlrpc.client as x, sys\n"
        "try: x.ServerProxy(sys.argv[1]).list()\n"
        "except x.ProtocolError as error: print(error.errcode)"
    )
    url = f"http://virtman:{'x' * 32}@{bed.n1.address}:7774/RPC2"
    done = bed.n2.run(["python3", "-c", ask, url])
    assert done.stdout == "401\n"
    said = f"{bed.n2.address} showed no valid secret"
    assert said in bed.n1.log("virtman").read_text()


def test_an_image_name_is_exported_once(bed):
    image = bed.serve_image(blocks=16)
    file = f"{FOLDER}/{image}.raw"
    with unchanged(bed, bed.master):
        answer = bed.site.call(bed.master, "create_image_target", image, file)
    assert answer == (
        f"1:Virtman: Image Service: Warning! image_name = volume-{image} "
        "exists! Please use another name"
    )


NAMELESS = ("a/b", "a b", "a\nb", "$(reboot)", "x" * 120)


def test_a_name_no_kernel_object_can_have_is_refused(bed, subtests):
    with unchanged(bed, bed.n1):
        # An image's name has "volume-" before it, and these are good there.
        for name in (*NAMELESS, "-rf", ""):
            with subtests.test(f"instance {name!r}"):
                answer = bed.site.create(bed.n1, name, "image")
                assert answer.startswith("2:"), answer
                assert "instance name" in answer
        for name in NAMELESS:
            with subtests.test(f"image {name!r}"):
                answer = bed.site.create(bed.n1, "vm1", name)
                assert answer.startswith("2:"), answer
                assert "image name" in answer


def test_an_image_server_that_gives_nothing_is_named_and_why(bed):
    """Both nodes wait for source_timeout, at the same time."""
    told = {
        bed.n1: ("nowhere", "10.77.0.99", "10.77.0.99:3260"),
        bed.n2: ("unknown", bed.master.address, "does not serve the target"),
    }

    def ask(node):
        image, server, says = told[node]
        with unchanged(bed, node):
            answer = bed.site.call(node, "create", "vm1", image, server)
        assert answer.startswith("2:"), answer
        assert f"volume-{image}" in answer
        assert says in answer
        assert bed.site.call(node, "list") == []

    side_by_side(ask, told)


def test_without_volt_a_node_reads_from_the_image_server(bed):
    # With its answer volt sends what opens the image server for a day.
    bed.create(bed.n1, "vm0", bed.serve_image(blocks=16))
    image = bed.serve_image(blocks=64)
    bed.site.stop_volt()
    try:
        bed.create(bed.n1, "vm1", image)
        found = bed.pattern(
            bed.n1, "verify", "/dev/mapper/snapshot_vm1", image, 0, 64
        )
    finally:
        bed.site.start_volt()
    assert (found["blocks"], found["wrong"]) == (64, 0)
    log = bed.n1.log("virtman").read_text()
    assert f"volume-{image} is read from 10.77.0.1:3260" in log
    bed.n1.wait_until(
        lambda: (
            f"volume-{image} has its place"
            in bed.n1.log("virtman").read_text()
        ),
        timeout=60,
        goal="n1 registers once volt is back",
    )


UNUSABLE = {
    "true": "not a block device",
    "truncate -s 1M $1; losetup $0 $1": "too small",
    "truncate -s 64M $1; mkfs.ext4 -qF $1; losetup $0 $1;"
    "mkdir -p /run/mounted; mount $0 /run/mounted": "in use",
}


def test_a_copy_on_write_device_that_cannot_be_used_is_refused(bed, subtests):
    image = bed.serve_image(blocks=16)
    device, file = "/dev/loop7", f"{FOLDER}/cow.bad"
    undo = (
        "! mountpoint -q /run/mounted || umount /run/mounted;"
        "losetup -d $0; rm -f $1; rmdir /run/mounted"
    )
    with unchanged(bed, bed.n1):
        for make, says in UNUSABLE.items():
            given = device if make != "true" else "/dev/nothing"
            bed.n1.run(["sh", "-c", make, device, file])
            with subtests.test(says):
                answer = bed.site.create(bed.n1, "vm1", image, device=given)
                assert answer.startswith("2:"), answer
                assert says in answer
                assert given in answer
            bed.n1.run(["sh", "-c", undo, device, file], check=False)


def test_a_cache_that_would_not_fit_is_refused_before_anything_is_made(bed):
    image = bed.serve_image(blocks=64)
    filler = f"{FOLDER}/filler"
    script = (
        "free=$(df --output=avail -B1 $1 | tail -1);"
        "fallocate -l $((free - 2000000)) $0"
    )
    bed.n2.run(["sh", "-c", script, filler, FOLDER])
    try:
        with unchanged(bed, bed.n2):
            answer = bed.site.create(bed.n2, "vm1", image)
    finally:
        bed.n2.run(["rm", filler])
    assert answer.startswith("2:"), answer
    assert f"{FOLDER}/cache" in answer
    assert "MiB" in answer


def test_missing_programs_are_all_named_with_their_packages(bed):
    server = bed.site.script("virtman-server")
    python = server.replace("virtman-server", "python")
    done = bed.n3.run(
        ["env", "PATH=/nowhere", python, server, "--rpc_port=7999"],
        check=False,
        timeout=180,
    )
    assert done.code == 1
    for words in (
        "program tgtadm",
        "package tgt",
        "program qemu-img",
        "package qemu-utils",
        "program nbdinfo",
    ):
        assert words in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("no_such_option = 1", "no_such_option"),
        ("cache_engine = tape", "tape"),
    ],
)
def test_an_option_that_means_nothing_ends_the_agent(bed, line, says):
    path = "/run/bad.conf"
    bed.n3.put(path, f"[DEFAULT]\nrpc_port = 7999\n{line}\n".encode())
    done = bed.n3.run(
        [bed.site.script("virtman-server"), f"--config-file={path}"],
        check=False,
        timeout=180,
    )
    assert done.code == 2
    assert says in done.stderr
    assert str(CHECKOUT) not in done.stderr, "a sentence, no traceback"
