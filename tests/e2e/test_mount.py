"""`forebay mount`: what a kernel file system gives, byte for byte the same as over REST."""

import concurrent.futures
import errno
import fcntl
import hashlib
import mmap
import os
import random
import stat
import subprocess
import threading
import time

import pytest
from harness import needs, paths
from harness.accounts import DEVELOPMENT, LAKE
from harness.forebay import run_forebay
from harness.mount import EXCHANGE, NOREPLACE, Mount, rename2
from harness.token_gate import TokenGate

pytestmark = [pytest.mark.forebay_only, needs.left_out("MOUNT")]


@pytest.fixture
def server(make_server):
    return make_server(accounts=(DEVELOPMENT, LAKE)).start()


@pytest.fixture
def mount(make_mount):
    return make_mount()


def rest(container, name):
    return container.get_blob_client(name).download_blob().readall()


def test_files_are_blobs_and_blobs_are_files(mount, container):
    data = random.Random(1).randbytes(20_000_003)
    (mount.place / "a" / "b").mkdir(parents=True)
    (mount.place / "a" / "b" / "large").write_bytes(data)
    (mount.place / "small").write_bytes(b"x" * 100)
    assert rest(container, "a/b/large") == data
    assert rest(container, "small") == b"x" * 100
    container.upload_blob("a/from-rest", data[:5_000_000])
    assert (mount.place / "a" / "from-rest").read_bytes() == data[:5_000_000]
    assert sorted(os.listdir(mount.place / "a")) == ["b", "from-rest"]
    container.upload_blob("a/from-rest", b"shorter", overwrite=True)
    assert (mount.place / "a" / "from-rest").read_bytes() == b"shorter"
    os.unlink(mount.place / "a" / "from-rest")
    assert not container.get_blob_client("a/from-rest").exists()


def test_random_writes_are_what_a_local_file_is(mount, container, tmp_path):
    rng = random.Random(2)
    local, remote = tmp_path / "local", mount.place / "f"
    with open(local, "w+b") as a, open(remote, "w+b") as b:
        for step in range(300):
            offset, size = rng.randrange(12_000_000), rng.choice([1, 700, 4096, 300_000])
            data = rng.randbytes(size)
            what = rng.random()
            for file in (a, b):
                if what < 0.08:
                    file.flush()
                    os.ftruncate(file.fileno(), offset)
                elif what < 0.12:
                    os.fsync(file.fileno())
                else:
                    os.pwrite(file.fileno(), data, offset)
            at = rng.randrange(12_000_000)
            assert os.pread(a.fileno(), 100_000, at) == os.pread(b.fileno(), 100_000, at), step
    assert remote.read_bytes() == local.read_bytes()
    assert rest(container, "f") == local.read_bytes()


def test_names(mount, container):
    place = mount.place
    (place / "d").mkdir()
    (place / "d" / "f").write_text("one")
    os.rename(place / "d", place / "e")
    assert (place / "e" / "f").read_text() == "one"
    assert rest(container, "e/f") == b"one"
    (place / "g").write_text("two")
    os.rename(place / "g", place / "e" / "f")
    assert (place / "e" / "f").read_text() == "two"
    with pytest.raises(OSError) as refused:
        os.rmdir(place / "e")
    assert refused.value.errno == errno.ENOTEMPTY
    with pytest.raises(FileNotFoundError):
        os.stat(place / "absent")
    with pytest.raises(OSError) as refused:
        (place / ("n" * 256)).write_text("")
    assert refused.value.errno == errno.ENAMETOOLONG
    (place / ("n" * 255)).write_text("")
    (place / "ümläut \\ % # ? +").write_text("odd")
    assert (place / "ümläut \\ % # ? +").read_text() == "odd"
    os.symlink("e/f", place / "link")
    assert os.readlink(place / "link") == "e/f" and (place / "link").read_text() == "two"
    os.link(place / "e" / "f", place / "hard")
    assert os.stat(place / "hard").st_nlink == 2
    assert os.stat(place / "hard").st_ino == os.stat(place / "e" / "f").st_ino
    os.mkfifo(place / "pipe")
    assert stat.S_ISFIFO(os.stat(place / "pipe").st_mode)
    subprocess.run(["rm", "-rf", *place.iterdir()], check=True)
    assert list(place.iterdir()) == []


def test_exclusive_creation_and_rename_flags(mount):
    path = mount.place / "x"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    with pytest.raises(FileExistsError):
        os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    other = mount.place / "y"
    other.write_text("y")
    assert rename2(path, other, NOREPLACE) == errno.EEXIST
    assert other.read_text() == "y" and path.read_text() == ""
    assert rename2(path, other, EXCHANGE) == 0
    assert path.read_text() == "y" and other.read_text() == ""
    assert rename2(path, mount.place / "z", EXCHANGE) == errno.ENOENT
    assert rename2(path, mount.place / "z", NOREPLACE) == 0
    (mount.place / "d").mkdir()
    assert rename2(mount.place / "z", mount.place / "d", EXCHANGE) == 0
    assert (mount.place / "z").is_dir() and (mount.place / "d").read_text() == "y"
    whiteout = 4
    assert rename2(other, mount.place / "w", whiteout) == errno.EINVAL


def test_attributes(mount, make_mount):
    path = mount.place / "f"
    path.write_text("x")
    os.chmod(path, 0o4750)
    os.chown(path, 1234, 5678)
    os.utime(path, ns=(1_000_000_001, 2_000_000_002))
    seen = os.stat(path)
    assert (seen.st_uid, seen.st_gid) == (1234, 5678)
    assert (seen.st_atime_ns, seen.st_mtime_ns) == (1_000_000_001, 2_000_000_002)
    os.chmod(path, 0o4750)
    other = make_mount()
    seen = os.stat(other.place / "f")
    assert stat.S_IMODE(seen.st_mode) == 0o4750
    assert seen.st_mtime_ns == 2_000_000_002
    os.setxattr(path, "user.colour", b"green")
    assert os.listxattr(path) == ["user.colour"]
    assert os.getxattr(other.place / "f", "user.colour") == b"green"
    use = os.statvfs(mount.place)
    assert use.f_blocks > 0 and use.f_namemax == 255


@pytest.mark.parametrize("how", ["echo y >> f", "echo y > f", "echo y 1<> f", "truncate -s 1 f"])
def test_a_write_by_somebody_else_ends_set_user_id(mount, how):
    os.chmod(mount.place, 0o755)
    path = mount.place / "f"
    for mode, left in ((0o6777, 0o777), (0o4766, 0o766), (0o777, 0o777)):
        path.write_text("hello")
        os.chmod(path, mode)
        subprocess.run(["sh", "-c", how], cwd=mount.place, user=1000, group=1000, check=True)
        assert oct(stat.S_IMODE(os.stat(path).st_mode)) == oct(left), how
    os.chmod(path, 0o4777)
    path.write_text("by the superuser")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o4777


def test_times_that_were_set_before_the_close_stay(mount):
    """tar and rsync set times through the open file."""
    path = mount.place / "f"
    with open(path, "wb") as file:
        file.write(b"x" * 1_000_000)
        file.flush()
        os.utime(file.fileno(), ns=(5_000_000_005, 6_000_000_006))
    assert os.stat(path).st_mtime_ns == 6_000_000_006


def test_mappings(mount, container):
    path = mount.place / "m"
    data = bytearray(random.Random(3).randbytes(3_000_000))
    path.write_bytes(data)
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        assert view[:] == bytes(data)
        view[1_500_000:1_500_007] = b"written"
        data[1_500_000:1_500_007] = b"written"
        view.flush()
    assert rest(container, "m") == bytes(data)


def test_direct_io(mount):
    path = mount.place / "direct"
    block = mmap.mmap(-1, 1 << 20)
    block[:] = random.Random(4).randbytes(1 << 20)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_DIRECT)
    for i in range(20):
        assert os.pwritev(file, [block], i << 20) == 1 << 20
    os.fsync(file)
    into = mmap.mmap(-1, 1 << 20)
    assert os.preadv(file, [into], 7 << 20) == 1 << 20
    assert into[:] == block[:]
    os.close(file)
    assert path.stat().st_size == 20 << 20


def test_sparse_files(mount, container):
    path = mount.place / "sparse"
    with open(path, "w+b") as file:
        file.truncate(20 << 30)
        for at in (0, 5 << 30, (20 << 30) - 4):
            os.pwrite(file.fileno(), b"data", at)
        os.fsync(file.fileno())
        assert os.pread(file.fileno(), 8, (5 << 30) - 2) == b"\0\0data\0\0"
        assert os.lseek(file.fileno(), 1 << 30, os.SEEK_DATA) <= 5 << 30
        hole = os.lseek(file.fileno(), 5 << 30, os.SEEK_HOLE)
        assert 5 << 30 < hole < 6 << 30
        os.posix_fallocate(file.fileno(), 0, 1000)
    seen = os.stat(path)
    assert seen.st_size == 20 << 30
    assert seen.st_blocks * 512 < 1 << 30
    got = container.get_blob_client("sparse").download_blob(offset=5 << 30, length=6).readall()
    assert got == b"data\0\0"


def test_unlinked_files_live_on(mount):
    path = mount.place / "gone"
    with open(path, "w+b") as file:
        file.write(b"x" * 2_000_000)
        file.flush()
        os.unlink(path)
        assert not path.exists()
        os.fsync(file.fileno())
        os.pwrite(file.fileno(), b"tail", 2_000_000)
        assert os.pread(file.fileno(), 10, 1_999_998) == b"xxtail"
        assert os.fstat(file.fileno()).st_nlink == 0


def test_what_was_closed_is_seen_by_the_other_mount(mount, make_mount):
    other = make_mount()
    for i in range(30):
        text = f"version {i} " * (i * 50 + 1)
        (mount.place / "f").write_text(text)
        assert (other.place / "f").read_text() == text
        with open(other.place / "f", "a") as file:
            file.write("more")
        assert (mount.place / "f").read_text() == text + "more"


def test_a_reader_never_sees_half_of_a_commit(mount, make_mount):
    other = make_mount()
    stop, errors, whole = threading.Event(), [], []

    def size_of(i):  # every version has a length of its own
        return 2_000_000 + i * 7_001

    (mount.place / "f").write_bytes(b"\0" * size_of(0))

    def write():
        for i in range(1, 250):
            (mount.place / "f").write_bytes(bytes([i]) * size_of(i))
            if i >= 24 and len(set(whole)) > 1:
                break
        stop.set()

    def read(piece):
        while not stop.is_set():
            got = b""
            with open(other.place / "f", "rb", buffering=0) as file:
                while part := file.read(piece):
                    got += part
                    os.stat(other.place / "f")  # somebody looks in between
            if len(set(got)) != 1 or len(got) != size_of(got[0]):
                errors.append((len(got), set(got)))
            whole.append(got[:1])

    readers = [threading.Thread(target=read, args=(piece,)) for piece in (50_000, 400_000, 5_000_000)]
    for thread in readers:
        thread.start()
    write()
    for thread in readers:
        thread.join()
    assert not errors, errors[:3]
    assert len(set(whole)) > 1, "the readers saw the file change"


def test_locks_between_mounts(mount, make_mount):
    other = make_mount()
    (mount.place / "lock").write_text("x")
    with open(mount.place / "lock", "r+b") as a, open(other.place / "lock", "r+b") as b:
        fcntl.lockf(a, fcntl.LOCK_EX, 10, 0)
        with pytest.raises(OSError):
            fcntl.lockf(b, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 5)
        fcntl.lockf(b, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 10)
        waited = []

        def wait():
            fcntl.lockf(b, fcntl.LOCK_EX, 10, 0)
            waited.append(time.monotonic())

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.5)
        assert not waited
        fcntl.lockf(a, fcntl.LOCK_UN, 10, 0)
        thread.join(timeout=40)
        assert waited
        fcntl.flock(a, fcntl.LOCK_EX)
        with pytest.raises(OSError):
            fcntl.flock(b, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_ten_thousand_small_files_in_a_directory(server, mount, make_mount):
    count = min(10_000, int(os.environ.get("FOREBAY_E2E_SMALL_FILES", "10000")))
    directory = mount.place / "many"
    directory.mkdir()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda i: (directory / f"file-{i:05}").write_bytes(b"%d" % i), range(count)))
    names = [entry.name for entry in os.scandir(directory)]
    assert len(names) == count and len(set(names)) == count
    other = make_mount()
    before = server.metric("forebay_requests_total")
    total = sum(entry.stat().st_size for entry in os.scandir(other.place / "many"))
    assert total == sum(len(str(i)) for i in range(count))
    # Pages, and again what grew old on a busy machine.
    assert server.metric("forebay_requests_total") - before < count / 2


def test_a_mount_that_cannot_be_says_why(server, container, make_mount, tmp_path):
    absent = Mount(server, "absent", tmp_path / "none")
    done = absent.run()
    assert done.returncode == 1 and not absent.is_mounted()
    assert "container" in done.stderr.lower() or "filesystem" in done.stderr.lower(), done.stderr
    wrong = make_mount(options="read_ahaed=1MiB", start=False).run()
    assert wrong.returncode == 1 and "read_ahead" in wrong.stderr
    mounted = make_mount()
    again = mounted.run()
    assert again.returncode == 1 and "already" in again.stderr
    done = run_forebay("umount", tmp_path)
    assert done.returncode == 1 and "no Forebay mount" in done.stderr
    assert run_forebay("mount", "--help").stdout.count("Examples") == 1


def test_the_helper_of_mount_8(container, make_mount, tmp_path):
    """What mount(8) calls for a line of /etc/fstab, with what it hands over."""
    container.upload_blob("hello", "there")
    mount = make_mount(start=False)
    mount.place.mkdir()
    key = tmp_path / "key"
    key.write_text(mount.account.key + "\n")

    def helper(*flags, options="rw"):
        words = f"{options},_netdev,nofail,key_file={key},log={mount.log_path}"
        return subprocess.run(
            [paths.ROOT / "deploy/mount.forebay", mount.url, mount.place, *flags, "-o", words],
            env={"PATH": f"/usr/bin:/bin:{paths.SERVER.parent}"}, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    assert helper("-f").returncode == 0 and not mount.is_mounted(), "a fake one"
    done = helper("-s", "-t", "forebay")
    assert done.returncode == 0, done.stderr
    assert (mount.place / "hello").read_text() == "there"
    assert helper().returncode == 1, "it is mounted already"
    mount.kill()
    assert helper().returncode == 0, "a dead one is replaced"
    assert (mount.place / "hello").read_text() == "there"
    subprocess.run(["umount", mount.place], check=True)
    assert helper(options="ro").returncode == 0
    with pytest.raises(OSError) as refused:
        (mount.place / "new").write_text("x")
    assert refused.value.errno == errno.EROFS


def test_a_signature_and_a_token_in_files(server, make_mount, tmp_path):
    signature = tmp_path / "sas"
    signature.write_text(LAKE.account_sas() + "\n")
    gate = TokenGate(server, LAKE.account_sas(), "eyJ0eXAi.one")
    token = tmp_path / "token"
    token.write_text("eyJ0eXAi.one\n")
    by_signature = make_mount(f"sas_file={signature}", start=False)
    by_token = make_mount(f"token_file={token}", start=False)
    by_token.url = gate.url(LAKE, "files")
    try:
        for number, mount in enumerate((by_signature, by_token)):
            mount.start()
            (mount.place / "made").write_bytes(b"x" * 3_000_000)
            os.rename(mount.place / "made", mount.place / f"kept-{number}")
            with open(mount.place / f"kept-{number}", "r+b") as file:
                fcntl.lockf(file, fcntl.LOCK_EX)
                file.seek(1000)
                file.write(b"y")
            assert (by_signature.place / f"kept-{number}").read_bytes()[999:1002] == b"xyx"
        # It ran out, and somebody else has put a new one there.
        gate.token = "eyJ0eXAi.another"
        token.write_text("eyJ0eXAi.another\n")
        assert (by_token.place / "kept-0").read_bytes()[999:1002] == b"xyx"
        assert b"eyJ0eXAi" not in by_token.log().encode()
        by_token.unmount()
        token.write_text("eyJ0eXAi.wrong\n")
        refused = by_token.run()
        assert refused.returncode != 0 and gate.refused > 0
        assert "eyJ0eXAi" not in refused.stderr
    finally:
        by_token.close()
        gate.stop()


def test_a_read_only_mount(make_mount, mount):
    (mount.place / "f").write_text("x")
    other = make_mount(options="ro")
    assert (other.place / "f").read_text() == "x"
    for change in (
        lambda: (other.place / "g").write_text(""),
        lambda: os.unlink(other.place / "f"),
        lambda: os.chmod(other.place / "f", 0o600),
    ):
        with pytest.raises(OSError) as refused:
            change()
        assert refused.value.errno == errno.EROFS


def test_mount_and_unmount_leave_nothing_behind(make_mount, container):
    digest = hashlib.sha256()
    for i in range(5):
        mount = make_mount()
        data = random.Random(i).randbytes(3_000_000)
        digest.update(data)
        (mount.place / f"f{i}").write_bytes(data)
        pid = mount.pid()
        mount.unmount()
        assert not mount.is_mounted() and not os.path.exists(f"/proc/{pid}/exe")
    got = hashlib.sha256()
    for i in range(5):
        got.update(rest(container, f"f{i}"))
    assert got.digest() == digest.digest()
