"""Mounts of containers that are attached to a lake: what a blob cannot say, and what comes back of it."""

import errno
import json
import os
import stat

import pytest
from harness import needs
from harness.accounts import DEVELOPMENT, LAKE
from harness.lakes import Front, Lake
from harness.mount import EXCHANGE, Mount, rename2

pytestmark = [pytest.mark.forebay_only, needs.left_out("MOUNT")]

A_TIME = 1_234_567_890_987_654_321


@pytest.fixture(params=["forebay", "hierarchical"])
def lake(request, tmp_path):
    lake = Lake(request.param, tmp_path / "lake")
    yield lake
    lake.stop()


@pytest.fixture
def front(lake, make_server):
    lake.make("data")
    return Front(make_server(accounts=(DEVELOPMENT, LAKE)).start(), lake)


@pytest.fixture
def mount_of(front, tmp_path):
    """Attaches a container of a hierarchical account to the lake's, and mounts it."""
    made = []

    def make(name, mode):
        front.attach(f"{LAKE.name}/{name}", "data", "--mode", mode)
        made.append(Mount(front.server, name, tmp_path / name))
        return made[-1].start()

    yield make
    for mount in made:
        mount.close()


def error_of(call, *arguments):
    with pytest.raises(OSError) as raised:
        call(*arguments)
    return raised.value.errno


def fill(place):
    """One of everything; attributes are set after it is made, as tar and rsync do."""
    (place / "run" / "empty").mkdir(parents=True)
    (place / "run" / "weights").write_bytes(b"w" * 100_000)
    os.symlink("../run/weights", place / "run" / "latest")
    os.mkfifo(place / "run" / "fifo", 0o600)
    os.mknod(place / "run" / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.chown(place / "run" / "weights", 1000, 1001)
    os.chmod(place / "run" / "weights", 0o4750)
    # Of a file whose times nobody has set a lake says when it came there.
    for name in ("weights", "latest", "fifo", "null"):
        os.utime(place / "run" / name, ns=(A_TIME, A_TIME), follow_symlinks=False)
    os.lchown(place / "run" / "latest", 1002, 1003)
    for directory, mode in (("run/empty", 0o1777), ("run", 0o2750)):
        os.chown(place / directory, 1000, 1001)
        os.chmod(place / directory, mode)


def seen(place):
    out = {}
    for path in sorted(place.rglob("*")):
        there = os.lstat(path)
        out[str(path.relative_to(place))] = (
            oct(there.st_mode), there.st_uid, there.st_gid, there.st_rdev, there.st_nlink,
            None if path.is_dir() else (there.st_size, there.st_mtime_ns),
            os.readlink(path) if path.is_symlink() else None,
            path.read_bytes() if path.is_file() else None,
        )  # fmt: skip
    return out


def test_what_a_mount_makes_comes_back_from_the_lake(lake, front, mount_of):
    mount = mount_of("files", "read-write")
    fill(mount.place)
    assert error_of(os.link, mount.place / "run/weights", mount.place / "hard") == errno.EPERM
    assert rename2(mount.place / "run/weights", mount.place / "run/latest", EXCHANGE) == errno.EINVAL
    made = seen(mount.place)
    assert set(made) == {"run", *(f"run/{x}" for x in ("empty", "fifo", "latest", "null", "weights"))}
    front.forebay("lake", "sync", f"{LAKE.name}/files", "--wait")
    front.forebay("tier", "evict", f"{LAKE.name}/files", "**")
    assert seen(mount.place) == made, "as they were, though the lake has the bytes"
    mount.unmount()
    front.forebay("lake", "detach", f"{LAKE.name}/files")
    # Anybody can read what is there.
    blob = lake.direct.get_blob_client("data", "run/weights")
    assert blob.download_blob().readall() == b"w" * 100_000
    assert blob.get_blob_properties().metadata["posix_owner"] == "1000"
    again = mount_of("again", "read-only")
    assert seen(again.place) == made
    assert os.stat(again.place / "run/weights").st_mtime_ns == A_TIME
    assert error_of((again.place / "new").touch) == errno.EROFS
    assert error_of(os.chmod, again.place / "run", 0o700) == errno.EROFS


def test_a_checkpoint_travels_under_its_last_name(lake, front, mount_of):
    mount = mount_of("files", "read-write")
    for step in range(3):
        place = mount.place / "tmp"
        place.mkdir()
        for rank in range(4):
            (place / f"rank-{rank}").write_bytes(bytes([step, rank]) * 200_000)
        os.chmod(place, 0o750)
        os.rename(place, mount.place / f"step-{step}")
    front.forebay("lake", "sync", f"{LAKE.name}/files", "--wait")
    far = lake.direct.get_container_client("data")
    conflicts = front.forebay("lake", "conflicts", f"{LAKE.name}/files", "--json").stdout
    assert json.loads(conflicts)["conflicts"] == []
    files = {b.name: far.download_blob(b.name).readall() for b in far.list_blobs() if b.size}
    expected = {f"step-{s}/rank-{r}": bytes([s, r]) * 200_000 for s in range(3) for r in range(4)}
    assert files == expected
    mount.unmount()
    front.forebay("lake", "detach", f"{LAKE.name}/files")
    again = mount_of("again", "read-only")
    assert sorted(os.listdir(again.place)) == ["step-0", "step-1", "step-2"]
    assert stat.S_IMODE((again.place / "step-2").stat().st_mode) == 0o750
    assert (again.place / "step-2" / "rank-3").read_bytes() == bytes([2, 3]) * 200_000


def test_a_file_takes_the_place_of_a_directory_that_moved(lake, front, mount_of):
    mount = mount_of("files", "read-write")
    place = mount.place / "tmp"
    place.mkdir()
    (place / "weights").write_bytes(b"w" * 1000)
    os.chmod(place, 0o750)
    os.rename(place, mount.place / "best")
    front.forebay("lake", "sync", f"{LAKE.name}/files", "--wait")
    (mount.place / "best" / "weights").unlink()
    (mount.place / "best").rmdir()
    (mount.place / "best").write_bytes(b"a file")
    front.forebay("lake", "sync", f"{LAKE.name}/files", "--wait")
    conflicts = front.forebay("lake", "conflicts", f"{LAKE.name}/files", "--json").stdout
    assert json.loads(conflicts)["conflicts"] == []
    far = lake.direct.get_container_client("data")
    assert {b.name: far.download_blob(b.name).readall() for b in far.list_blobs()} == {"best": b"a file"}


def test_the_barrier_says_what_waits_for_people(lake, front, mount_of):
    mount = mount_of("files", "read-write")
    far = lake.direct.get_container_client("data")
    far.upload_blob("taken", b"", metadata={"hdi_isfolder": "true"})
    (mount.place / "taken").write_bytes(b"ours")
    barrier = front.begin("lake", "sync", f"{LAKE.name}/files", "--wait")
    try:
        said = [barrier.stderr.readline()]
        while said[-1] and not said[-1].startswith("taken: "):
            said.append(barrier.stderr.readline())
        assert "Here and in the lake a file and a directory have this name" in said[-1], said
        far.delete_blob("taken")
        assert barrier.wait(timeout=120) == 0
    finally:
        barrier.kill()
    assert far.download_blob("taken").readall() == b"ours"
