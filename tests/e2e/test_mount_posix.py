"""`forebay mount`: what the manual pages say beside the common path."""

import errno
import fcntl
import os
import stat
import struct

import pytest
from harness import needs
from harness.accounts import DEVELOPMENT, LAKE
from harness.waiting import until

pytestmark = [pytest.mark.forebay_only, needs.left_out("MOUNT")]


@pytest.fixture
def server(make_server):
    return make_server(accounts=(DEVELOPMENT, LAKE)).start()


@pytest.fixture
def place(make_mount):
    return make_mount().place


def lock_of_open_file(descriptor, begin, length):
    """F_OFD_SETLK, which Python has no word for: whether it was granted."""
    set_lock = 37
    wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, begin, length, 0)
    try:
        fcntl.fcntl(descriptor, set_lock, wanted)
    except OSError as error:
        assert error.errno in (errno.EAGAIN, errno.EACCES)
        return False
    return True


def test_locks_of_open_files(place):
    (place / "locked").write_text("x")
    first, second = (os.open(place / "locked", os.O_RDWR) for _ in range(2))
    copy = os.dup(first)
    assert lock_of_open_file(first, 0, 10)
    assert lock_of_open_file(copy, 5, 10), "it is the same open file"
    assert not lock_of_open_file(second, 14, 1)
    os.close(first)
    assert not lock_of_open_file(second, 0, 5), "there is a descriptor left"
    os.close(copy)
    until(lambda: lock_of_open_file(second, 0, 15))
    os.close(second)


def acl(*entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def test_a_mode_changes_an_acl_at_once(place):
    path = place / "listed"
    path.write_text("x")
    owner, user, group, mask, others, nobody = 1, 2, 4, 16, 32, 0xFFFFFFFF

    def with_mode(of_owner, of_mask, of_others):
        return acl(
            (owner, of_owner, nobody), (user, 7, 1000), (group, 5, nobody), (mask, of_mask, nobody), (others, of_others, nobody)
        )  # fmt: skip

    name = "system.posix_acl_access"
    os.setxattr(path, name, with_mode(6, 6, 4))
    assert os.getxattr(path, name) == with_mode(6, 6, 4)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o664
    os.chmod(path, 0o600)
    assert os.getxattr(path, name) == with_mode(6, 0, 0)


def test_truncation_at_opening_changes_the_times_of_an_empty_file(place):
    path = place / "stamp"
    path.write_text("")
    os.utime(path, ns=(5, 5))
    os.close(os.open(path, os.O_WRONLY))
    assert os.stat(path).st_mtime_ns == 5
    os.close(os.open(path, os.O_WRONLY | os.O_TRUNC))
    assert os.stat(path).st_mtime_ns > 5


def test_a_removed_directory_that_is_open(place):
    (place / "d").mkdir()
    directory = os.open(place / "d", os.O_RDONLY)
    os.rmdir(place / "d")
    assert os.fstat(directory).st_nlink == 0
    assert os.listdir(directory) == []
    with pytest.raises(FileNotFoundError):
        os.mkdir("below", dir_fd=directory)
    os.close(directory)


def test_extended_attributes_that_cannot_be(place):
    path = place / "attributed"
    path.write_text("x")

    def refused(name, value=b"v"):
        with pytest.raises(OSError) as error:
            os.setxattr(path, name, value)
        return error.value.errno

    assert refused("user.") == errno.EINVAL
    assert refused("other.name") == errno.EOPNOTSUPP
    assert refused("user." + "n" * 251) == errno.ERANGE
    largest = 64 << 10
    assert refused("user.large", b"v" * (largest + 1)) == errno.E2BIG
    for number in range(15):
        os.setxattr(path, f"user.{number}", b"v" * largest)
    assert refused("user.15", b"v" * largest) == errno.ENOSPC
    os.setxattr(path, "user.15", b"v")


def test_what_is_not_offered(place):
    with pytest.raises(OSError) as refused:
        os.open(place, os.O_TMPFILE | os.O_RDWR)
    assert refused.value.errno == errno.EOPNOTSUPP
