"""Rows about many blobs: listing, start-up, tail latency, memory."""
import base64
import re
import signal
import statistics
import threading
import time
import urllib.parse

from rows import Azurite, Forebay, Measure, at_least, at_most


def fill(server, container, count, prefix="d"):
    """`count` empty blobs in a thousand directories."""
    server.make_container(container)
    server.load(server.path(f"{container}/{prefix}%2F{{n}}"), method="PUT", connections=32, requests=count,
                header="x-ms-blob-type: BlockBlob")


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


def listing(setting):
    """A million blobs in pages of 5,000, first pages against last; and against Azurite at 50,000."""
    server = Forebay(setting.base).start()
    count = setting.scaled(1_000_000, 20_000)
    fill(server, "flat", count)
    out, ratios = [], []
    for _ in range(setting.rounds):
        times = list_all(server, "flat")
        ratios.append(statistics.median(times[-6:-1]) / statistics.median(times[:5]))
    out.append(at_most(f"list {count:,} blobs flat: last pages", "first pages (time)", 1.2, ratios))
    # A directory a blob: every page is five thousand prefixes.
    server.make_container("tree")
    server.load(server.path("tree/{n}%2Ff"), method="PUT", connections=32, requests=count,
                header="x-ms-blob-type: BlockBlob")
    ratios = []
    for _ in range(setting.rounds):
        times = list_all(server, "tree", "/")
        ratios.append(statistics.median(times[-6:-1]) / statistics.median(times[:5]))
    out.append(at_most(f"list {count:,} prefixes by hierarchy: last pages", "first pages (time)", 1.2, ratios))
    theirs = Azurite(setting.base).start()
    count = setting.scaled(50_000, 10_000)
    fill(server, "small", count), fill(theirs, "small", count)
    ratios = []
    for _ in range(setting.rounds):
        ratios.append(sum(list_all(theirs, "small")) / sum(list_all(server, "small")))
    out.append(at_least(f"list {count:,} blobs", "Azurite (times as fast)", 10, ratios))
    server.close(), theirs.close()
    return out


def start_up(setting):
    """Start-up with a million blobs against an empty server; and the first read after kill -9."""
    server, empty = Forebay(setting.base).start(), Forebay(setting.base).start()
    count = setting.scaled(1_000_000, 20_000)
    fill(server, "bench", count)
    empty.make_container("bench")
    server.put("bench/first", b"x"), empty.put("bench/first", b"x")

    def restart(side, how):
        side.kill(how)
        began = time.perf_counter()
        side.start()
        side.request("GET", "bench/first")
        return time.perf_counter() - began
    clean, crash = [], []
    for _ in range(setting.rounds):
        clean.append((restart(server, signal.SIGTERM) - restart(empty, signal.SIGTERM)) * 1000)
        server.load(server.path("bench/again{n}"), method="PUT", connections=8, requests=setting.scaled(20_000),
                    header="x-ms-blob-type: BlockBlob", body=1024)
        crash.append(restart(server, signal.SIGKILL))
    server.close(), empty.close()
    extra, first = statistics.median(clean), statistics.median(crash)
    return [Measure(f"start-up with {count:,} blobs", "start-up when empty (extra ms)", "<= 200", extra,
                    extra <= 200, clean),
            Measure("after kill -9, to the first read", "seconds", "<= 2", first, first <= 2, crash)]


def tail_latency(setting):
    """p99 of 16 KiB PUTs while 50,000 blocks are committed and a large container is deleted."""
    server = Forebay(setting.base).start()
    server.make_container("bench")
    blocks = setting.scaled(50_000, 2_000)
    count = setting.scaled(1_000_000, 20_000)
    ratios = []

    def p99(name):
        return server.load(server.path(f"bench/{name}{{n}}"), method="PUT", body=16 << 10, connections=4,
                           header="x-ms-blob-type: BlockBlob", seconds=max(setting.seconds, 6))["p99_us"]
    for i in range(max(1, min(setting.rounds, 3))):
        fill(server, f"big{i}", count)
        ids = [base64.b64encode(b"%08d" % n).decode() for n in range(blocks)]
        stage_blocks(server, f"bench/blob{i}", ids)
        quiet = p99(f"quiet{i}-")
        xml = "<BlockList>" + "".join(f"<Latest>{b}</Latest>" for b in ids) + "</BlockList>"

        def disturb():
            server.request("DELETE", f"big{i}", "restype=container")
            server.request("PUT", f"bench/blob{i}", "comp=blocklist", xml.encode())
        thread = threading.Thread(target=disturb)
        thread.start()
        busy = p99(f"busy{i}-")
        thread.join()
        ratios.append(busy / quiet)
    server.close()
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
