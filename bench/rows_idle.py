"""The row about connections that do nothing: what thousands of them keep of the server's memory."""
import contextlib
import resource
import socket
import statistics
import time
from pathlib import Path

from rows import Forebay, Measure, Nginx, progress

LIMIT_KIB = 16


def private_kib(server):
    """What the processes of a server hold alone, with their share of what they have in common."""
    total = 0
    for pid in server.pids():
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total


def ask(connection, request):
    connection.sendall(request)
    text = b""
    while b"\r\n\r\n" not in text:
        text += connection.recv(65536)
    head, body = text.split(b"\r\n\r\n", 1)
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode(errors="replace"))
    missing = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    missing -= len(body)
    while missing > 0:
        missing -= len(connection.recv(65536))


def kept_by(side, count):
    """KiB that each of `count` keep-alive connections holds on to, once its answer is read."""
    request = f"GET {side.bench_path} HTTP/1.1\r\nHost: localhost:{side.port}\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        def open_some(number):
            for _ in range(number):
                ask(stack.enter_context(socket.create_connection(("127.0.0.1", side.port), 60)), request)
            time.sleep(0.5)  # each loop looks at its connections four times a second
            return private_kib(side)
        before = open_some(200)  # what the first ones cost is the server's own
        return (open_some(count) - before) / count


def idle_connections(setting):
    """Memory of an idle keep-alive connection, each after a GET of 4 KiB; against nginx."""
    count = setting.scaled(5000, 500)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < count + 500:
        raise RuntimeError(f"{hard} files may be open; {count + 500} are needed: ulimit -n")
    sizes = {Forebay: [], Nginx: []}
    try:
        for i in range(setting.rounds):
            for kind in (Forebay, Nginx) if i % 2 == 0 else (Nginx, Forebay):
                # A fresh server each time: memory that it was given once is not asked for again.
                side = kind(setting.base)
                if kind is Nginx:
                    side.connections = count + 500
                    (side.directory / "www/small").write_bytes(b"x" * 4096)
                side.start()
                side.bench_path = "/small"
                if kind is Forebay:
                    side.make_container("bench")
                    side.put("bench/small", b"x" * 4096)
                    side.bench_path = side.path("bench/small")
                sizes[kind].append(kept_by(side, count))
                side.close()
            progress(f"round {i + 1} of {setting.rounds}: {sizes[Forebay][-1]:.3g} KiB, nginx {sizes[Nginx][-1]:.3g} KiB")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    median = statistics.median(sizes[Forebay])
    note = f"nginx {statistics.median(sizes[Nginx]):.2g} KiB, its connections' own records not counted: they are there from its start"
    return [Measure(f"an idle keep-alive connection, {count:,} of them", "KiB of memory", f"<= {LIMIT_KIB}", median,
                    median <= LIMIT_KIB, sizes[Forebay], note)]
