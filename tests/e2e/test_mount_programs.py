"""Programs in a mount: checkpoints, data sets, git, a compiler, SQLite, tar and rsync."""

import json
import multiprocessing
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys

import numpy
import pytest
import webdataset
from harness import needs
from harness.accounts import DEVELOPMENT, LAKE
from harness.forebay import Forebay
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

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


def run_all(workers):
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(200)
        assert worker.exitcode == 0


def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


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
    run_all(workers)
    os.rename(pending, place / "step-100")
    sync(place)
    other = make_mount().place / place.name / "step-100"
    for i in range(8):
        data = random.Random(i).randbytes(1 << 20)
        with open(other / f"shard-{i}", "rb") as file:
            for _ in range(size >> 20):
                assert file.read(1 << 20) == data
            assert file.read(1) == b""
    name = f"{place.name}/step-100/shard-3"
    assert container.get_blob_client(name).get_blob_properties().size == size


RANKS = 8
TYPES = ("float32", "float16", "int64", "uint8")


def tensors_of(rank, step):
    """300 of a rank: vectors and matrices of several types, and one without a value."""
    rng = numpy.random.default_rng((step, rank))
    out = {f"layers.{rank}.empty": numpy.zeros((0, 7), numpy.float32)}
    for i in range(299):
        shape = (int(rng.integers(1, 4000)),) if i % 3 else (int(rng.integers(1, 90)), 33)
        out[f"layers.{rank}.{i}"] = rng.integers(0, 255, shape).astype(TYPES[i % len(TYPES)])
    return out


def same(left, right):
    return left.dtype == right.dtype and numpy.array_equal(left, right)


def shard_name(rank):
    return f"model-{rank + 1:05d}-of-{RANKS:05d}.safetensors"


def save_rank(directory, rank, step):
    """What one process of a distributed save does: its own file, durable before anybody tells of it."""
    save_file(tensors_of(rank, step), directory / shard_name(rank), {"format": "np"})
    sync(directory / shard_name(rank))


def save_checkpoint(place, step):
    """All ranks at once, then the index, which is what makes the directory a checkpoint; then its name."""
    pending = place / f"step-{step}.tmp"
    pending.mkdir()
    run_all([
        multiprocessing.Process(target=save_rank, args=(pending, rank, step)) for rank in range(RANKS)
    ])  # fmt: skip
    index = {name: shard_name(rank) for rank in range(RANKS) for name in tensors_of(rank, step)}
    (pending / "index.tmp").write_text(json.dumps({"weight_map": index}))
    sync(pending / "index.tmp")
    os.rename(pending / "index.tmp", pending / "index.json")
    sync(pending)
    os.rename(pending, place / f"step-{step}")
    sync(place)


def check_checkpoint(directory, step):
    """Every tensor by the index, out of mapped files."""
    index = json.loads((directory / "index.json").read_text())["weight_map"]
    assert len(index) == RANKS * 300
    for rank in range(RANKS):
        expected = tensors_of(rank, step)
        with safe_open(directory / shard_name(rank), framework="np") as file:
            assert {index[name] for name in file.keys()} == {shard_name(rank)}
            assert set(file.keys()) == set(expected)
            for name, tensor in expected.items():
                assert same(file.get_tensor(name), tensor), name


def test_a_checkpoint_of_thousands_of_tensors(place, make_mount):
    save_checkpoint(place, 1)
    other = make_mount().place / place.name
    check_checkpoint(other / "step-1", 1)
    with safe_open(other / "step-1" / shard_name(3), framework="np") as file:
        # A part of a tensor takes a part of the file.
        name, tensor = next((n, t) for n, t in tensors_of(3, 1).items() if len(t) > 9 and t.ndim == 2)
        part = file.get_slice(name)
        assert part.get_shape() == list(tensor.shape)
        assert same(part[1:7, 2:5], tensor[1:7, 2:5])

    with safe_open(place / "step-1" / shard_name(5), framework="np") as mapped:
        # The next one is saved, and the last one thrown away under somebody who has it mapped.
        save_checkpoint(place, 2)
        shutil.rmtree(place / "step-1")
        for name, tensor in tensors_of(5, 1).items():
            assert same(mapped.get_tensor(name), tensor), name
    assert sorted(path.name for path in place.iterdir()) == ["step-2"]
    check_checkpoint(make_mount().place / place.name / "step-2", 2)


def write_half(directory, begun):
    save_rank(directory, 0, 2)
    with open(directory / shard_name(1), "wb") as file:
        file.write(random.Random(1).randbytes(3 << 20))
        file.flush()
        begun.set()
        multiprocessing.Event().wait()  # for the end


def test_a_killed_save_leaves_the_checkpoint_before_it(place, make_mount):
    save_checkpoint(place, 1)
    begun = multiprocessing.Event()
    (place / "step-2.tmp").mkdir()
    worker = multiprocessing.Process(target=write_half, args=(place / "step-2.tmp", begun))
    worker.start()
    assert begun.wait(200)
    worker.kill()
    worker.join(200)
    other = make_mount().place / place.name
    assert sorted(path.name for path in other.iterdir()) == ["step-1", "step-2.tmp"]
    check_checkpoint(other / "step-1", 1)
    # The job is started again, and saves the step again.
    shutil.rmtree(place / "step-2.tmp")
    save_checkpoint(place, 2)
    assert sorted(path.name for path in place.iterdir()) == ["step-1", "step-2"]
    check_checkpoint(make_mount().place / place.name / "step-2", 2)


def test_tensors_are_loaded_and_saved_over_themselves(place, make_mount):
    """Training in place: the file that is mapped is replaced by one that was made of it."""
    path = place / "model.safetensors"
    save_file(tensors_of(0, 1), path)
    with safe_open(path, framework="np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        changed = {name: tensor + tensor.dtype.type(1) for name, tensor in tensors.items()}
        save_file(changed, place / "model.new")
        sync(place / "model.new")
        os.rename(place / "model.new", path)
        assert same(file.get_tensor("layers.0.4"), tensors_of(0, 1)["layers.0.4"])
    expected = tensors_of(0, 1)
    loaded = load_file(make_mount().place / place.name / "model.safetensors")
    assert loaded.keys() == expected.keys()
    for name, tensor in loaded.items():
        assert same(tensor, expected[name] + expected[name].dtype.type(1)), name


SAMPLES = 600


def sample_of(i):
    rng = numpy.random.default_rng(i)
    return rng.integers(0, 255, (int(rng.integers(1, 80)), 51), numpy.uint8)


def load_epoch(shards, epoch, out):
    """One worker of a data loader: its shards in an order of its own, samples shuffled on the way."""
    random.Random(epoch).shuffle(shards)
    samples = webdataset.WebDataset(shards, shardshuffle=False, empty_check=False)
    samples = samples.shuffle(100, rng=random.Random(epoch)).decode()
    seen = []
    for sample in samples.to_tuple("__key__", "npy", "cls", "json"):
        key, image, label, notes = sample
        i = int(key)
        assert same(image, sample_of(i)) and label == i % 10 and notes == {"i": i}
        seen.append(i)
    out.put(seen)


def test_a_loader_of_shards(place, make_mount):
    with webdataset.ShardWriter(f"{place}/train-%04d.tar", maxcount=50, verbose=0) as sink:
        for i in range(SAMPLES):
            sink.write({"__key__": f"{i:06d}", "npy": sample_of(i), "cls": i % 10, "json": {"i": i}})
    names = sorted(path.name for path in place.iterdir())
    assert names == [f"train-{n:04d}.tar" for n in range(SAMPLES // 50)]
    run("tar", "-tf", place / names[-1])
    other = make_mount().place / place.name
    shards = [str(other / name) for name in names]
    for epoch in range(2):
        out = multiprocessing.Queue()
        workers = [
            multiprocessing.Process(target=load_epoch, args=(shards[n::4], epoch, out))
            for n in range(4)
        ]
        for worker in workers:
            worker.start()
        orders = [out.get(timeout=200) for _ in workers]
        assert sorted(i for order in orders for i in order) == list(range(SAMPLES))
        assert all(order != sorted(order) for order in orders), "nothing was shuffled"
        for worker in workers:
            worker.join(200)
            assert worker.exitcode == 0


TOKENS = 6 << 20


def tokens_of(begin, end):
    return (numpy.arange(begin, end, dtype=numpy.uint64) * 40503 % 65521).astype(numpy.uint16)


def fill_tokens(path, part, parts):
    """A quarter of the array, through a mapping of all of it."""
    tokens = numpy.load(path, mmap_mode="r+")
    step = TOKENS // parts
    for begin in range(part * step, (part + 1) * step, 100_000):
        end = min(begin + 100_000, (part + 1) * step)
        tokens[begin:end] = tokens_of(begin, end)
    tokens.flush()


def test_tokens_in_a_mapped_array(place, make_mount):
    path = place / "tokens.npy"
    made = numpy.lib.format.open_memmap(path, mode="w+", dtype=numpy.uint16, shape=(TOKENS,))
    made.flush()
    del made
    run_all([multiprocessing.Process(target=fill_tokens, args=(path, n, 4)) for n in range(4)])
    there = make_mount().place / place.name / "tokens.npy"
    tokens = numpy.load(there, mmap_mode="r")
    assert tokens.shape == (TOKENS,)
    rng = random.Random(7)
    for _ in range(500):  # batches at random places, as a language model is fed
        at = rng.randrange(TOKENS - 1025)
        assert numpy.array_equal(tokens[at : at + 1025], tokens_of(at, at + 1025))
    changed = numpy.load(path, mmap_mode="r+")
    changed[4_000_000:4_000_100] = 7
    changed.flush()
    del changed, tokens
    tokens = numpy.load(there, mmap_mode="r")
    assert numpy.all(tokens[4_000_000:4_000_100] == 7)
    assert numpy.array_equal(tokens[:4_000_000], tokens_of(0, 4_000_000))
    assert numpy.array_equal(tokens[4_000_100:], tokens_of(4_000_100, TOKENS))


def test_a_copy_moves_no_bytes(server, container, place, make_mount):
    def moved():
        text = server.admin("/metrics")[1]
        names = "forebay_(?:request_body|chunk_written)_bytes_total"
        return sum(map(float, re.findall(rf"^{names}(?:\{{.*\}})? (\S+)$", text, re.M)))

    data = random.Random(9).randbytes(24 << 20)
    (place / "here").write_bytes(data)
    container.upload_blob(f"{place.name}/sent", data)
    before = moved()
    assert before > 2 * len(data)
    run("cp", "--reflink=auto", place / "here", place / "one")
    # A blob that no mount has made.
    run("cp", "--reflink=auto", place / "sent", place / "two")
    with open(place / "two", "rb") as source, open(place / "one", "rb+") as target:
        end = os.copy_file_range(source.fileno(), target.fileno(), 5 << 20, 1 << 20, 30 << 20)
        assert end == 5 << 20
    assert moved() - before < 1 << 20
    for name in ("here", "sent"):
        (place / name).unlink()
    other = make_mount().place / place.name
    assert (other / "two").read_bytes() == data
    assert (other / "one").read_bytes() == data + bytes(6 << 20) + data[1 << 20 : 6 << 20]


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
    run_all(workers)
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
