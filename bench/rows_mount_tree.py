"""Rows about many names through `forebay mount`: unpacking trees of small files, and the rename of a large directory."""
import io
import os
import shutil
import statistics
import tarfile
import time

from rows import at_most, compare, progress
from rows_mount import ACCOUNT, Local, MountServer
from sides import account_sas, run

FILE = 4 << 10


def _repository(directory, files):
    """A packed repository of files in directories of fifty."""
    directory.mkdir()
    for i in range(files):
        folder = directory / f"{i // 50:03}"
        folder.mkdir(exist_ok=True)
        (folder / f"{i}.txt").write_bytes(os.urandom(FILE // 4).hex().encode())
    git = ["git", "-C", directory, "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    run(["git", "init", "-q", directory])
    run([*git, "add", "."])
    run([*git, "commit", "-q", "-m", "All of it"])
    run([*git, "gc", "-q"])
    return directory


def _archive(path, files):
    """A tar of files in directories of a hundred."""
    data = os.urandom(FILE)
    with tarfile.open(path, "w") as out:
        for i in range(files):
            entry = tarfile.TarInfo(f"tree/{i // 100:03}/{i}")
            entry.size = len(data)
            out.addfile(entry, io.BytesIO(data))
    return path


def trees(setting):
    """`git clone` of a local repository, and `tar x`, onto the mount and onto ext4: the time that they take."""
    files, entries = setting.scaled(5_000, 100), setting.scaled(20_000, 400)
    repository = _repository(setting.base / "repository", files)
    archive = _archive(setting.base / "tree.tar", entries)
    works = {f"git clone of {files:,} files": ["git", "clone", "-q", "--no-hardlinks", repository],
             f"tar x of {entries:,} files": ["tar", "-xf", archive, "-C"]}
    ours, theirs = MountServer(setting.base).start(), Local(setting.base)
    out = []
    for work, command in works.items():
        def measure(side):
            target = side.place / "target"
            target.mkdir()
            began = time.monotonic()
            run([*command, target])  # noqa: B023
            spent = time.monotonic() - began
            shutil.rmtree(target)
            os.sync()
            return spent

        out.append(at_most(f"mount: {work}", "ext4 (time)", 4, compare(setting, ours, theirs, measure)))
    ours.close(), theirs.close()
    shutil.rmtree(repository)
    archive.unlink()
    return out


def _rename(directory, times):
    """The median of the seconds that a rename there and back takes."""
    away = directory.with_name(directory.name + ".moved")
    spent = []
    for _ in range(times):
        began = time.monotonic()
        os.rename(directory, away)
        os.rename(away, directory)
        spent.append((time.monotonic() - began) / 2)
    return statistics.median(spent)


def rename(setting):
    """A directory with a million files is renamed, and one with ten."""
    many, few = setting.scaled(1_000_000, 10_000), 10
    with_sas = f"?{account_sas(ACCOUNT)}"
    server = MountServer(setting.base).start()
    for name, count in (("many", many), ("few", few)):
        server.load(f"/{ACCOUNT}/bench/{name}/{{n}}{with_sas}", method="PUT", body=0, requests=count,
                    connections=min(64, count), header="x-ms-blob-type: BlockBlob")
    progress(f"{many:,} files made")
    if sum(1 for _ in os.scandir(server.place / "many")) != many:
        raise RuntimeError("not all of the files are there")
    ratios = compare(setting, "many", "few", lambda name: _rename(server.place / name, 50))
    server.close()
    return [at_most(f"mount: rename of a directory with {many:,} files", f"with {few} files (time)", 1.2, ratios)]
