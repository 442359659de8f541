"""Every SMB request that takes a name, with names that lead out of the share."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from attack import smb_client as smb
from attack.canary import SECRET, Canary, build_arena, hostile
from attack.conftest import Wall
from attack.smb_client import DELETING, READING, WRITING, Login, SmbClient
from attack.smb_share import EVERYBODY, connect, exporter, name_of, open_share, samba
from storage.kit import CONTEXT, Backend, new_share, rule

pytestmark = pytest.mark.storage
WALL = "SMB: a name stays in its share"
ALL = READING | WRITING | DELETING
SWAPS = 300
_EXCHANGE, _HERE = 2, -100  # renameat2

Place = tuple[str, Path]  # name of the share, its directory


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with samba() as found:
        yield found


@pytest.fixture
def canary() -> Iterator[Canary]:
    with Canary() as found:
        yield found


def utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def names(outside: Path) -> dict[str, bytes]:
    """As the NFS test has them, with either slash; and what only SMB knows."""
    common = {label: name.decode("latin-1") for label, name in hostile(outside).items()}
    own = {
        "lone high surrogate": "\ud800\\..\\..\\secret",
        "lone low surrogate": "\udc00",
        "surrogates in the wrong order": "\udc00\ud800",
        "full-width slash": "..\uff0f..\uff0fsecret",
        "division slash": "..\u2215secret",
        "stream": "file:stream",
        "stream out": "file:..\\..\\secret",
        "default stream of a link": "link-to-file::$DATA",
        "index stream": "link-to-directory:$I30:$INDEX_ALLOCATION",
        "another server": f"\\\\127.0.0.1\\IPC${outside}",
        "a drive": "C:\\secret",
        "device path": f"\\??\\{outside}\\secret",
        "an old version": "@GMT-2024.01.01-00.00.00\\..\\..\\secret",
        "wildcard": "link-to-directory\\*",
        "short name": "LINK-T~1\\secret",
        "pipe": "pipe\\winreg",
    }
    return {
        **{f"{label}, slash": utf16(name) for label, name in common.items()},
        **{f"{label}, backslash": utf16(name.replace("/", "\\")) for label, name in common.items()},
        **{label: utf16(name) for label, name in own.items()},
        "half a character": b"s",
        "half a character at the end": utf16("..\\secret") + b"\\",
        "NUL characters": bytes(64),
        "32,768 characters up": utf16("..\\" * 10922),
    }


def plain_share(backend: Backend, outside: Path) -> Place:
    share = open_share(backend, EVERYBODY)
    return name_of(share), backend.driver.share_path(share["id"])


def clone(backend: Backend, outside: Path) -> Place:
    """Of a snapshot that has the links already."""
    source = open_share(backend, EVERYBODY)
    build_arena(backend.driver.share_path(source["id"]), outside)
    share = new_share(protocol="CIFS", project_id=source["project_id"])
    backend.driver.create_share_from_snapshot(CONTEXT, share, backend.snapshot(source))
    backend.allow(share, EVERYBODY)
    return name_of(share), backend.driver.share_path(share["id"])


def reverted(backend: Backend, outside: Path) -> Place:
    share = open_share(backend, EVERYBODY)
    path = backend.driver.share_path(share["id"])
    build_arena(path, outside)
    snapshot = backend.snapshot(share)
    (path / "later").write_bytes(b"later")
    backend.driver.revert_to_snapshot(CONTEXT, snapshot, [EVERYBODY], [])
    return name_of(share), path


@pytest.mark.parametrize("place", [plain_share, clone, reverted])
def test_every_request_with_every_name(
    wall: Wall, backend: Backend, canary: Canary, place: Callable[[Backend, Path], Place]
) -> None:
    neighbour = open_share(backend)
    path_of_neighbour = backend.driver.share_path(neighbour["id"])
    (path_of_neighbour / "secret").write_bytes(SECRET)
    canary.watch(path_of_neighbour)
    share, path = place(backend, canary.directory)
    for label, name in names(canary.directory).items():
        build_arena(path, canary.directory)
        with _inside(backend, share) as client:
            for what, got_through in _tried(client, name):
                wall.attempt(f"{what}: {label}", got_through or canary.is_touched())
    wall.assert_held()


def _inside(backend: Backend, share: str) -> SmbClient:
    client = connect(backend)
    assert client.login(Login()) == smb.SUCCESS
    assert client.tree(share) == smb.SUCCESS
    return client


def _tried(client: SmbClient, name: bytes) -> Iterator[tuple[str, bool]]:
    """What was tried with the name, and whether something secret was read by it."""
    _, root = client.create(b"", READING, smb.OPEN, smb.DIRECTORY)
    yield "QUERY_DIRECTORY", _shows_secret(client, root, name)
    for what, options in {"CREATE": 0, "CREATE of a link": smb.REPARSE_POINT}.items():
        _, file = client.create(name, READING, smb.OPEN, options)
        yield f"{what}, READ", bool(file) and SECRET in client.read(file)
        if file:
            client.finish(file)
    _, directory = client.create(name, READING, smb.OPEN, smb.DIRECTORY)
    yield (
        "CREATE, QUERY_DIRECTORY",
        bool(directory) and _shows_secret(client, directory, utf16("*")),
    )
    _, file = client.create(utf16("file"), ALL)
    yield "SET_INFO link", bool(client.link(file, name)) and False
    yield "SET_INFO rename", bool(client.rename(file, name)) and False
    client.finish(file)
    for what, disposition, options in (
        ("make", smb.MAKE, 0),
        ("make a directory", smb.MAKE, smb.DIRECTORY),
        ("overwrite", smb.OVERWRITE_OR_MAKE, 0),
        ("delete", smb.OPEN, smb.DELETE_ON_CLOSE),
        ("delete a directory", smb.OPEN, smb.DELETE_ON_CLOSE | smb.DIRECTORY),
    ):
        _, file = client.create(name, ALL, disposition, options)
        if file:
            client.write(file, b"overwritten")
            client.finish(file)
        yield f"CREATE to {what}", False


def _shows_secret(client: SmbClient, directory: bytes, pattern: bytes) -> bool:
    return bool(directory) and utf16("secret") in client.list(directory, pattern).body


def test_reparse_points_and_copies_lead_nowhere(
    wall: Wall, backend: Backend, canary: Canary
) -> None:
    share, path = plain_share(backend, canary.directory)
    build_arena(path, canary.directory)
    with _inside(backend, share) as client:
        for target in (str(canary.directory / "secret"), "..\\..\\secret"):
            for kind in (0xA000000C, 0xA0000003, 0x80000014, 0xA000001D):  # links, of all makers
                _, file = client.create(utf16("made"), ALL, smb.OPEN_OR_MAKE, smb.REPARSE_POINT)
                client.ioctl(smb.FSCTL_SET_REPARSE_POINT, file, _reparse(kind, utf16(target)))
                client.finish(file)
                wall.attempt(f"a link by {kind:x}", got_through=(path / "made").is_symlink())
                _, file = client.create(utf16("made"), READING)
                wall.attempt(f"read by {kind:x}", bool(file) and SECRET in client.read(file))
        _, link = client.create(utf16("link-to-file"), READING, smb.OPEN, smb.REPARSE_POINT)
        answer = client.ioctl(smb.FSCTL_GET_REPARSE_POINT, link) if link else None
        wall.attempt("read by GET_REPARSE_POINT", bool(answer) and SECRET in answer.body)
        if link:
            key = client.ioctl(smb.FSCTL_RESUME_KEY, link).body[48:72]
            wall.attempt("copied by COPY_CHUNK", SECRET[:16] in _copied(client, key))
    for key in (bytes(24), os.urandom(24)):
        # Samba 4.17 ends the process of this connection then; others go on
        with _inside(backend, share) as other, _inside(backend, share) as client:
            copied = b""
            with contextlib.suppress(ConnectionResetError):
                copied = _copied(client, key)
            wall.attempt("copied by a made-up key", SECRET[:16] in copied)
            assert other.create(utf16("file"), READING)[0] == smb.SUCCESS
    wall.attempt("something outside was changed", canary.is_touched())
    wall.assert_held()


def _copied(client: SmbClient, key: bytes) -> bytes:
    """What a copy of 32 bytes of the file that the key stands for brought."""
    _, file = client.create(utf16("file"), ALL)
    chunk = key + b"\1\0\0\0\0\0\0\0" + bytes(16) + b"\x20\0\0\0\0\0\0\0"
    client.ioctl(smb.FSCTL_COPY_CHUNK, file, chunk)
    return client.read(file)


def _reparse(kind: int, target: bytes) -> bytes:
    size = len(target)
    names = b"".join(n.to_bytes(2, "little") for n in (0, size, 0, size)) + bytes(4) + target
    return kind.to_bytes(4, "little") + len(names).to_bytes(2, "little") + bytes(2) + names


def test_a_directory_swapped_for_a_link(wall: Wall, backend: Backend, canary: Canary) -> None:
    """A hundred times a second and more, while a client goes through it."""
    share, path = plain_share(backend, canary.directory)
    (path / "swapped").mkdir()
    (path / "swapped" / "secret").write_bytes(b"own")
    (path / "link").symlink_to(canary.directory)
    over = threading.Event()
    swapper = threading.Thread(target=_swap, args=(path / "swapped", path / "link", over))
    swapper.start()
    try:
        with _inside(backend, share) as client:
            for number in range(SWAPS):
                _, file = client.create(utf16("swapped\\secret"), READING | WRITING)
                wall.attempt("read", bool(file) and SECRET in client.read(file))
                if file:
                    client.finish(file)
                client.create(utf16(f"swapped\\new{number}"), WRITING, smb.OPEN_OR_MAKE)
                _, directory = client.create(utf16("swapped"), READING, smb.OPEN, smb.DIRECTORY)
                listed = client.list(directory, utf16("*")).body if directory else b""
                wall.attempt("list", utf16("empty") in listed)
    finally:
        over.set()
        swapper.join()
    wall.attempt("something outside was changed", canary.is_touched())
    wall.assert_held()


def _swap(one: Path, other: Path, over: threading.Event) -> None:
    exchange = ctypes.CDLL(None).renameat2
    while not over.wait(0.001):
        exchange(_HERE, bytes(one), _HERE, bytes(other), _EXCHANGE)


def test_a_snapshot_is_read_only(wall: Wall, backend: Backend, canary: Canary) -> None:
    share = open_share(backend)
    path = backend.driver.share_path(share["id"])
    build_arena(path, canary.directory)
    snapshot = backend.snapshot(share)
    everybody = rule("0.0.0.0/0", "ro")
    backend.driver.snapshot_update_access(CONTEXT, snapshot, [everybody], [everybody], [])
    inside = backend.driver.snapshot_path(snapshot["id"])
    canary.watch(path)
    before = sorted(each.name for each in inside.iterdir())
    for label, name in names(canary.directory).items():
        with _inside(backend, f"snapshot-{snapshot['id']}") as client:
            for what, got_through in _tried(client, name):
                wall.attempt(f"{what}: {label}", got_through or canary.is_touched())
    wall.attempt("the snapshot was changed", before != sorted(e.name for e in inside.iterdir()))
    assert exporter(backend).has(f"snapshot-{snapshot['id']}")
    wall.assert_held()
