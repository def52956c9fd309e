"""Programs in a mount: checkpoints, git, a compiler, SQLite, tar and rsync."""

import multiprocessing
import os
import random
import shutil
import sqlite3
import subprocess
import sys

import pytest
from harness import needs
from harness.accounts import DEVELOPMENT, LAKE
from harness.forebay import Forebay

pytestmark = [pytest.mark.forebay_only, needs.left_out("MOUNT")]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Forebay(tmp_path_factory.mktemp("server"), accounts=(DEVELOPMENT, LAKE)).start()
    yield server
    server.kill()


@pytest.fixture
def place(make_mount, request):
    directory = make_mount().place / request.node.name
    directory.mkdir()
    return directory


def run(*command, **kwargs):
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True, text=True, timeout=240, check=False, **kwargs,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_shard(path, seed, size):
    data = random.Random(seed).randbytes(1 << 20)
    with open(path, "wb") as file:
        for _ in range(size >> 20):
            file.write(data)
        file.flush()
        os.fsync(file.fileno())


def test_a_checkpoint_of_eight_writers(container, place, make_mount):
    size = int(os.environ.get("FOREBAY_E2E_LARGE_MIB", "64")) << 20
    pending = place / "step-100.tmp"
    pending.mkdir()
    workers = [
        multiprocessing.Process(target=write_shard, args=(pending / f"shard-{i}", i, size))
        for i in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(200)
        assert worker.exitcode == 0
    os.rename(pending, place / "step-100")
    directory = os.open(place, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)
    other = make_mount().place / place.name / "step-100"
    for i in range(8):
        data = random.Random(i).randbytes(1 << 20)
        with open(other / f"shard-{i}", "rb") as file:
            for _ in range(size >> 20):
                assert file.read(1 << 20) == data
            assert file.read(1) == b""
    name = f"{place.name}/step-100/shard-3"
    assert container.get_blob_client(name).get_blob_properties().size == size


def test_git_clone_and_fsck(place, tmp_path):
    origin = tmp_path / "origin"
    run("git", "init", "-q", origin)
    rng = random.Random(5)
    for i in range(300):
        path = origin / f"d{i % 17}" / f"f{i}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(rng.randbytes(rng.randrange(1, 20_000)))
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    run("git", "-C", origin, "add", ".")
    run("git", "-C", origin, *identity, "commit", "-q", "-m", "all")
    run("git", "clone", "-q", f"file://{origin}", place / "clone")
    run("git", "-C", place / "clone", "fsck", "--full")
    assert run("git", "-C", place / "clone", "status", "--porcelain") == ""
    (place / "clone" / "new").write_text("x")
    run("git", "-C", place / "clone", "add", "new")
    run("git", "-C", place / "clone", *identity, "commit", "-q", "-m", "new")
    run("git", "-C", place / "clone", "gc", "-q")
    run("git", "-C", place / "clone", "fsck", "--full")


def test_a_build_of_a_c_program(place):
    compiler = shutil.which("cc") or shutil.which("clang-19")
    needs.need(compiler, "MOUNT", "a C compiler is missing: ./dev install")
    sources = []
    for i in range(20):
        path = place / f"part{i}.c"
        path.write_text(f"int part{i}(void) {{ return {i}; }}\n")
        sources.append(path)
    calls = "+".join(f"part{i}()" for i in range(20))
    decls = "".join(f"int part{i}(void);" for i in range(20))
    main = place / "main.c"
    main.write_text(
        f'#include <stdio.h>\n{decls}\nint main(void) {{ printf("%d\\n", {calls}); return 0; }}\n'
    )
    objects = []
    for source in [*sources, main]:
        objects.append(source.with_suffix(".o"))
        run(compiler, "-g", "-c", source, "-o", objects[-1], cwd=place)
    run("ar", "rcs", place / "libparts.a", *objects[:-1])
    run(compiler, objects[-1], "-o", place / "program", "-L", place, "-lparts")
    assert run(place / "program") == "190\n"


def count(path, times):
    database = sqlite3.connect(path, timeout=120)
    for _ in range(times):
        database.execute("BEGIN IMMEDIATE")
        (value,) = database.execute("SELECT value FROM counter").fetchone()
        database.execute("UPDATE counter SET value = ?", (value + 1,))
        database.commit()
    database.close()


def test_sqlite_counts_right_on_two_mounts(place, make_mount):
    other = make_mount().place / place.name
    database = sqlite3.connect(place / "db")
    database.execute("CREATE TABLE counter (value INTEGER)")
    database.execute("INSERT INTO counter VALUES (0)")
    database.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
    database.executemany("INSERT INTO t (b) VALUES (?)", [("x" * 500,) for _ in range(2000)])
    database.commit()
    database.close()
    workers = [
        multiprocessing.Process(target=count, args=(directory / "db", 15))
        for directory in (place, other, place, other)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(200)
        assert worker.exitcode == 0
    database = sqlite3.connect(other / "db")
    assert database.execute("SELECT value FROM counter").fetchone() == (60,)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def make_tree(root):
    rng = random.Random(6)
    for i in range(200):
        path = root / f"d{i % 7}" / f"f{i}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.randbytes(rng.randrange(0, 30_000)))
        os.chmod(path, rng.choice([0o600, 0o644, 0o755]))
        os.utime(path, ns=(10**18 + i, 10**18 + i * 7))
    os.link(root / "d0" / "f0", root / "hard")
    os.symlink("d0/f0", root / "soft")
    os.mkfifo(root / "pipe")
    (root / "empty").mkdir()
    os.setxattr(root / "d1" / "f1", "user.note", b"kept")
    os.chown(root / "d2" / "f2", 1000, 1001)


def test_tar_and_rsync_there_and_back(place, tmp_path):
    local = tmp_path / "tree"
    make_tree(local)
    run("tar", "-C", tmp_path, "--xattrs", "-cf", tmp_path / "tree.tar", "tree")
    run("tar", "-C", place, "--xattrs", "--same-owner", "-xpf", tmp_path / "tree.tar")
    run("tar", "-C", place, "--xattrs", "-df", tmp_path / "tree.tar")
    needs.need(shutil.which("rsync"), "MOUNT", "rsync is missing: ./dev install")
    run("rsync", "-aHAX", f"{local}/", f"{place}/synced/")
    run("rsync", "-aHAX", f"{place}/synced/", f"{tmp_path}/back/")
    for target in (f"{place}/synced/", f"{tmp_path}/back/"):
        left = run("rsync", "-aHAXin", "--checksum", "--delete", f"{local}/", target)
        assert left == "", left


def test_python_compiles_and_imports_in_the_mount(place):
    (place / "package").mkdir()
    (place / "package" / "__init__.py").write_text("value = 42\n")
    out = run(sys.executable, "-c", "import package; print(package.value)", cwd=place)
    assert out == "42\n"
