# SPDX-License-Identifier: Apache-2.0
"""The names of the agent's own files, and how a file is written whole."""

from __future__ import annotations

import os
from pathlib import Path

_COW_SUFFIX = ".cow"


def intents_folder(state_dir: Path) -> Path:
    """Return the folder of the intents."""
    return state_dir / "intents"


def digests_folder(state_dir: Path) -> Path:
    """Return the folder of the digests of image files."""
    return state_dir / "digests"


def admission_file(state_dir: Path) -> Path:
    """Return the file of the admission key and the tickets."""
    return state_dir / "admission.json"


def locks_folder(run_dir: Path) -> Path:
    """Return the folder of os-brick's lock files."""
    return run_dir / "locks"


def cow_store(folder: Path, key: str) -> Path:
    """Return the file of a COW store.

    :param folder: ``snapshot_dir`` for the store of an instance of that key,
        ``store_dir`` for the server store of that key.
    """
    return folder / f"{key}{_COW_SUFFIX}"


def cow_stores(folder: Path) -> dict[str, Path]:
    """Return the files of the COW stores in a folder, by key."""
    return {file.stem: file for file in folder.glob(f"*{_COW_SUFFIX}")}


def is_cow_store(file: Path, folder: Path) -> bool:
    """Tell whether a file has the name of a COW store in a folder."""
    return file.parent == folder and file.suffix == _COW_SUFFIX


def write_whole(file: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write a file so that after a power cut it has its old or new content.

    It is written beside, flushed, and renamed; then the folder is flushed,
    which has the file's name.

    :param mode: counts from the first byte on; a chmod after the write would
        come too late for secrets.
    :raises OSError: the file system does not take it; the old file stays.
    """
    data = content.encode() if isinstance(content, str) else content
    # Not with_suffix: a name may have a dot of its own.
    beside = file.with_name(file.name + ".new")
    # One that another user left there must not be written through.
    beside.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with os.fdopen(os.open(beside, flags, mode), "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(file)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    flush(file.parent)


def flush(path: Path) -> None:
    """Flush a file, or a folder with the names in it, to its disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
