"""Mounts of others, as sides of the rows about mounts."""
import os
import subprocess
import time
from pathlib import Path

from sides import ACCOUNT, KEY, ROOT, Server, free_port, run

JUICEFS = ROOT / "build/clients/juicefs"


def mounted(place):
    return any(line.split()[4] == str(place) for line in Path("/proc/self/mountinfo").read_text().splitlines())


def unmount(place):
    while mounted(place):
        if subprocess.run(["umount", "-l", str(place)]).returncode != 0:
            return


class Redis(Server):
    """As JuiceFS advises: every change in a log that is synced once a second, which is what a mount of ours promises."""

    def command(self):
        return ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.directory),
                "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]


class JuiceVolume:
    """Names in Redis; contents in a directory, or in a container of `lake`."""

    def __init__(self, base, lake=None):
        if not JUICEFS.exists():
            raise RuntimeError(f"{JUICEFS} is missing: bench/install_juicefs builds it, and says what it lacks")
        self.redis = Redis(base).start()
        self.url = f"redis://127.0.0.1:{self.redis.port}/1"
        storage = ["file", "--bucket", f"{self.redis.directory}/objects/"]
        if lake:
            lake.make_container("juice")
            storage = ["wasb", "--bucket", "http://juice"]
        # Without its trash, in which what is unlinked stays for a day: a mount of ours has none.
        run([JUICEFS, "format", "--trash-days", "0", "--storage", *storage, self.url, "bench"],
            env=environment(lake))

    def close(self):
        self.redis.close()


def environment(way):
    """Where JuiceFS finds its container."""
    if way is None:
        return dict(os.environ)
    return {**os.environ, "AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};"
            f"AccountKey={KEY};BlobEndpoint=http://127.0.0.1:{way.port}/{ACCOUNT};"}


class JuiceFs(Server):
    """A mount of a volume with a cache of its own, which is empty at first. `way`: to its lake."""

    def __init__(self, base, volume, way=None):
        super().__init__(base)
        self.volume = volume
        self.way = way
        self.place = self.directory / "mount"
        self.place.mkdir()

    def command(self):
        return [str(JUICEFS), "mount", "--no-usage-report", "--no-syslog", "--no-agent", "--backup-meta", "0",
                "--metrics", f"127.0.0.1:{self.port}", "--cache-dir", str(self.directory / "cache"),
                "--free-space-ratio", "0.02", self.volume.url, str(self.place)]

    def start(self):
        self.process = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL, env=environment(self.way),
                                        stderr=open(self.directory / "log", "ab"))
        for _ in range(3000):
            if mounted(self.place):
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise RuntimeError(f"JuiceFS did not mount: see {self.directory}/log")

    def close(self):
        unmount(self.place)
        super().close()
