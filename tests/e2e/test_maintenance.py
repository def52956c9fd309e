"""fsck, backup and restore, of a store at rest and of a running server."""

import os
import subprocess

from harness import paths
from harness.forebay import Forebay
from harness.raw import RawClient

SIZES = (0, 10, 5_000, 100_000, 9 << 20)


def run(*arguments):
    return subprocess.run(
        [str(paths.SERVER), *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def fill(server, names):
    client = RawClient(server)
    client.create_container("kept")
    blobs = {}
    for i, name in enumerate(names):
        blobs[name] = os.urandom(SIZES[i % len(SIZES)])
        assert client.put_blob("kept", name, blobs[name]).status == 201
    client.close()
    return blobs


def check(server, blobs):
    client = RawClient(server)
    for name, data in blobs.items():
        answer = client.get_blob("kept", name)
        assert answer.status == 200 and answer.body == data, name
    client.close()


def restored(tmp_path, backup):
    """A server on what `forebay restore` made."""
    copy = Forebay(tmp_path / "restored")
    done = run("restore", "--from", backup, "--data", copy.data)
    assert done.returncode == 0, done.stderr
    return copy


def test_online_backups_are_incremental_and_restore(make_server, tmp_path):
    server = make_server().start()
    blobs = fill(server, [f"a{i}" for i in range(20)])
    first = run("backup", "--to", tmp_path / "backup", "--config", server.config)
    assert first.returncode == 0 and "backup complete" in first.stdout, first.stderr
    blobs |= fill(server, [f"b{i}" for i in range(20)])
    second = run("backup", "--to", tmp_path / "backup", "--config", server.config)
    assert second.returncode == 0, second.stderr
    late = fill(server, ["late"])
    copy = restored(tmp_path, tmp_path / "backup")
    try:
        copy.start()
        check(copy, blobs)
        client = RawClient(copy)
        assert client.get_blob("kept", "late").status == 404
        client.close()
    finally:
        copy.stop()
    check(server, blobs | late)


def test_backup_at_rest_and_fsck(make_server, tmp_path):
    server = make_server().start()
    blobs = fill(server, [f"a{i}" for i in range(15)])
    busy = run("fsck", "--config", server.config)
    assert busy.returncode == 1 and "in use" in busy.stderr
    server.stop()
    sound = run("fsck", "--verify", "--config", server.config)
    assert sound.returncode == 0 and "0 problems" in sound.stdout, sound.stdout + sound.stderr
    done = run("backup", "--to", tmp_path / "backup", "--config", server.config)
    assert done.returncode == 0, done.stderr
    # A damaged byte in a segment is found.
    segment = max((server.data / "segments").iterdir(), key=lambda f: f.stat().st_size)
    with open(segment, "r+b") as file:
        file.seek(1 << 20)
        byte = file.read(1)
        file.seek(1 << 20)
        file.write(bytes([byte[0] ^ 0xFF]))
    damaged = run("fsck", "--verify", "--config", server.config)
    assert damaged.returncode == 2, damaged.stdout + damaged.stderr
    copy = restored(tmp_path, tmp_path / "backup")
    try:
        copy.start()
        check(copy, blobs)
    finally:
        copy.stop()


def test_what_cannot_be_restored_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    none = run("restore", "--from", tmp_path / "empty", "--data", tmp_path / "new")
    assert none.returncode == 1 and "no complete backup" in none.stderr
    assert not (tmp_path / "new").exists()
