"""Rows about many blobs: listing, start-up, tail latency, memory."""
import base64
import re
import signal
import statistics
import threading
import time
import urllib.parse

from rows import Azurite, Forebay, Measure, at_least, at_most, compare, progress


def fill(server, container, count, pattern="d%2F{n}"):
    """`count` empty blobs."""
    server.make_container(container)
    began = time.monotonic()
    server.load(server.path(f"{container}/{pattern}"), method="PUT", connections=64, requests=count,
                header="x-ms-blob-type: BlockBlob")
    progress(f"{count:,} blobs put into {container} in {time.monotonic() - began:.0f} s")


class Million:
    """A server with two containers of a million empty blobs: `flat`, all in one directory, and
    `tree`, a directory each. Listing, start-up and tail latency use it, one after the other."""
    def __init__(self, setting):
        self.count = setting.scaled(1_000_000, 20_000)
        self.server = Forebay(setting.base).start()
        fill(self.server, "flat", self.count)
        fill(self.server, "tree", self.count, "{n}%2Ff")
        self.server.make_container("bench")
        self.server.put("bench/first", b"x")

    @staticmethod
    def of(setting):
        return setting.share("million", lambda: Million(setting))

    def close(self):
        self.server.close()


def list_page(server, container, marker="", delimiter=""):
    query = "restype=container&comp=list&maxresults=5000"
    if marker:
        query += "&marker=" + urllib.parse.quote(marker)
    if delimiter:
        query += "&delimiter=" + urllib.parse.quote(delimiter)
    began = time.perf_counter()
    text = server.request("GET", container, query).decode()
    spent = time.perf_counter() - began
    found = re.search(r"<NextMarker>([^<]+)</NextMarker>", text)
    return spent, found.group(1) if found else ""


def list_all(server, container, delimiter=""):
    times, marker = [], ""
    while True:
        spent, marker = list_page(server, container, marker, delimiter)
        times.append(spent)
        if not marker:
            return times


def first_and_last(setting, server, container, delimiter=""):
    """The time of a late page over that of an early one, a round each."""
    ratios = []
    for _ in range(setting.rounds):
        times = list_all(server, container, delimiter)
        few = max(1, min(5, len(times) // 4))
        # The very last page may be a part of one.
        ratios.append(statistics.median(times[-few - 1:-1]) / statistics.median(times[:few]))
        progress(f"{container}: {len(times)} pages, last/first {ratios[-1]:.3g}")
    return ratios


def listing(setting):
    """A million blobs in pages of 5,000, first pages against last; and against Azurite at 50,000."""
    million = Million.of(setting)
    out = [at_most(f"list {million.count:,} blobs flat: last pages", "first pages (time)", 1.2,
                   first_and_last(setting, million.server, "flat")),
           # A directory a blob: every page is five thousand prefixes.
           at_most(f"list {million.count:,} prefixes by hierarchy: last pages", "first pages (time)", 1.2,
                   first_and_last(setting, million.server, "tree", "/"))]
    theirs = Azurite(setting.base).start()
    ours = Forebay(setting.base).start()
    count = setting.scaled(50_000, 10_000)
    fill(ours, "small", count), fill(theirs, "small", count)
    ratios = compare(setting, theirs, ours, lambda side: sum(list_all(side, "small")))
    out.append(at_least(f"list {count:,} blobs", "Azurite (times as fast)", 10, ratios))
    ours.close(), theirs.close()
    return out


def start_up(setting):
    """Start-up with many blobs against an empty server; and the first read after kill -9."""
    million = Million.of(setting)
    server, empty = million.server, Forebay(setting.base).start()
    empty.make_container("bench")
    empty.put("bench/first", b"x")

    def restart(side, how):
        side.kill(how)
        began = time.perf_counter()
        side.start()
        side.request("GET", "bench/first")
        return time.perf_counter() - began
    clean, crash = [], []
    for i in range(setting.rounds):
        pair = (server, empty) if i % 2 == 0 else (empty, server)
        spent = {side: restart(side, signal.SIGTERM) for side in pair}
        clean.append((spent[server] - spent[empty]) * 1000)
        server.load(server.path(f"bench/again{i}-{{n}}"), method="PUT", connections=8,
                    requests=setting.scaled(20_000), header="x-ms-blob-type: BlockBlob", body=1024)
        crash.append(restart(server, signal.SIGKILL))
        progress(f"round {i + 1}: {clean[-1]:+.0f} ms; after kill -9 {crash[-1]:.2f} s")
    empty.close()
    extra, first = statistics.median(clean), statistics.median(crash)
    return [Measure(f"start-up with {2 * million.count:,} blobs", "start-up when empty (extra ms)", "<= 200",
                    extra, extra <= 200, clean),
            Measure("after kill -9, to the first read", "seconds", "<= 2", first, first <= 2, crash)]


def tail_latency(setting):
    """p99 of 16 KiB PUTs while 50,000 blocks are committed and a large container is deleted."""
    million = Million.of(setting)
    server = million.server
    blocks = setting.scaled(50_000, 5_000)
    seconds = max(setting.seconds, 6)
    ratios = []

    def p99(name):
        return server.load(server.path(f"bench/{name}{{n}}"), method="PUT", body=16 << 10, connections=4,
                           header="x-ms-blob-type: BlockBlob", seconds=seconds)["p99_us"]
    # Each round deletes one of the two containers, so there are two.
    for i, victim in enumerate(("flat", "tree")):
        ids = [base64.b64encode(b"%08d" % n).decode() for n in range(blocks)]
        stage_blocks(server, f"bench/blob{i}", ids)
        quiet = p99(f"quiet{i}-")
        xml = "<BlockList>" + "".join(f"<Latest>{b}</Latest>" for b in ids) + "</BlockList>"
        over, commits = threading.Event(), []

        def disturb():
            server.request("DELETE", victim, "restype=container")  # and swept in the background
            while not over.is_set():  # again and again, so that all of the measured time is beside one
                began = time.monotonic()
                server.request("PUT", f"bench/blob{i}", "comp=blocklist", xml.encode())
                commits.append(time.monotonic() - began)
        thread = threading.Thread(target=disturb)
        thread.start()
        busy = p99(f"busy{i}-")
        over.set()
        thread.join()
        ratios.append(busy / quiet)
        progress(f"round {i + 1}: p99 {quiet} us quiet, {busy} us beside {len(commits)} commits of "
                 f"{statistics.median(commits):.2f} s: {ratios[-1]:.3g}")
    setting.shared.pop("million").close()  # nothing of it is left
    return [at_most("16 KiB PUT p99 beside a commit of 50,000 blocks and a container delete", "quiet", 3, ratios)]


def stage_blocks(server, name, ids, threads=8):
    import http.client

    def work(part):
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        for block in part:
            query = "comp=block&blockid=" + urllib.parse.quote(block, safe="")
            connection.request("PUT", server.path(name, query), b"x" * 100)
            response = connection.getresponse()
            response.read()
            assert response.status == 201, response.status
    workers = [threading.Thread(target=work, args=(ids[n::threads],)) for n in range(threads)]
    [w.start() for w in workers], [w.join() for w in workers]


def memory(setting):
    """Peak memory with 64 uploads of 100 MiB at once, and when idle."""
    server = Forebay(setting.base).start()
    time.sleep(2)
    idle = server.memory_mib("VmRSS")
    server.make_container("bench")
    server.load(server.path("bench/{n}"), method="PUT", body=setting.scaled(100 << 20, 8 << 20), connections=64,
                header="x-ms-blob-type: BlockBlob", requests=64)
    peak = server.memory_mib("VmHWM")
    server.close()
    return [Measure("peak memory, 64 uploads of 100 MiB at once", "MiB", "< 400", peak, peak < 400, [peak]),
            Measure("idle memory", "MiB", "< 80", idle, idle < 80, [idle])]
