"""Directory trees to upload, and comparing what came back byte for byte."""

import hashlib
import os
import random
import time
from pathlib import Path

# Names that are legal in a file system and in a blob name, and hurt in URLs, XML and shells.
AWKWARD_NAMES = (
    "plain.txt", "with space.txt", "plus+plus.txt", "percent%2Fescaped.txt", "100%.txt", "a&b<c>.xml",
    "quote'\"double.txt", "hash#frag.txt", "question?mark.txt", "semi;colon,comma.txt", "ünïcödé.txt",
    "日本語/テスト.bin", "emoji-🌊.dat", "e\u0301-combining.txt", "deep/er/and/deeper/still/file",
    "no-extension", ".hidden", "tilde~.bak", "back`tick.txt", "dollar$sign.txt", "equals=sign.txt",
    "brackets[1].txt", "at@sign.txt", "dots..inside.txt", "empty.txt",
)  # fmt: skip


def content(seed, size):
    """Bytes that do not compress and are the same for the same seed."""
    return random.Random(seed).randbytes(size)


def make_awkward_tree(root):
    root = Path(root)
    for index, name in enumerate(AWKWARD_NAMES):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name == "empty.txt" else content(name, 1 + index * 977))
    # Around the sizes where a client or the server changes its way: one block, many, and one byte more.
    for size in (1, 4095, 4096, 65536, 65537, 4 << 20, (4 << 20) + 1, 9 << 20):
        (root / f"size-{size}.bin").write_bytes(content(f"size {size}", size))
    # Older than any upload of them: Last-Modified has whole seconds, and sync compares the two.
    an_hour_ago = time.time() - 3600
    for path in root.rglob("*"):
        os.utime(path, (an_hour_ago, an_hour_ago))
    return root


def make_small_files(root, count, size=100, per_directory=500):
    root = Path(root)
    for index in range(count):
        directory = root / f"{index // per_directory:04d}"
        if index % per_directory == 0:
            directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{index:06d}.txt").write_bytes(b"%06d:" % index + b"x" * (size - 7))
    return root


def make_large_file(path, size, seed="large"):
    """Random stretches between long runs of zeros, so that making it is quick and every block differs."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    with open(path, "wb") as out:
        out.truncate(size)
        for offset in range(0, size, 1 << 20):
            out.seek(offset)
            out.write(rng.randbytes(min(8 << 10, size - offset)))
    return Path(path)


def digest_tree(root):
    """{relative path: (size, SHA-256)} of all files under `root`."""
    result = {}
    for directory, _, files in os.walk(root):
        for name in files:
            path = Path(directory) / name
            with open(path, "rb") as data:
                digest = hashlib.file_digest(data, "sha256").hexdigest()
            result[str(path.relative_to(root))] = (path.stat().st_size, digest)
    return result


def assert_same_tree(expected, actual):
    want, got = digest_tree(expected), digest_tree(actual)
    assert sorted(want) == sorted(got), (
        f"missing: {sorted(set(want) - set(got))[:5]}, extra: {sorted(set(got) - set(want))[:5]}"
    )
    different = [name for name in want if want[name] != got[name]]
    assert not different, f"bytes differ: {different[:5]}"
