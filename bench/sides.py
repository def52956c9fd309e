"""The servers that a comparison runs against each other, started and stopped by the benchmark."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOREBAY = ROOT / "build/release/bin/forebay"
LOAD = ROOT / "build/release/bin/http_load"
ACCOUNT = "devstoreaccount1"
# The published emulator key.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def account_sas(account=ACCOUNT):
    """An account SAS for everything, valid for a day."""
    version, expiry = "2021-12-02", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))
    text = "\n".join([account, "rwdlacuptfi", "b", "sco", "", expiry, "", "https,http", version, "", ""])
    mac = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    return urllib.parse.urlencode({"sv": version, "ss": "b", "srt": "sco", "sp": "rwdlacuptfi",
                                   "se": expiry, "spr": "https,http",
                                   "sig": base64.b64encode(mac).decode()})


def run(command, **options):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True, **options)


class Server:
    """A child process with a port; measures its own CPU and memory."""
    all = []  # so that a row which fails leaves none behind

    def __init__(self, base):
        Server.all.append(self)
        self.directory = Path(tempfile.mkdtemp(dir=base, prefix=type(self).__name__.lower() + "-"))
        self.port = free_port()
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL,
                                        stderr=open(self.directory / "log", "ab"))
        self.wait_ready()
        return self

    def wait_ready(self):
        for _ in range(6000):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError(f"{self.command()[0]} ended: see {self.directory}/log")
                time.sleep(0.005)
        raise RuntimeError("server did not start")

    def kill(self, sig=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait(60)

    def close(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
        if self in Server.all:
            Server.all.remove(self)

    def pids(self):
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True)
        return [self.process.pid] + [int(p) for p in children.stdout.split()]

    def cpu_seconds(self):
        total = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")

    def memory_mib(self, what="VmHWM"):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(what):
                return int(line.split()[1]) / 1024
        raise RuntimeError(what)

    def load(self, path, **options):
        command = [str(LOAD), "--port", str(self.port), "--path", path]
        for key, value in options.items():
            for one in value if isinstance(value, list) else [value]:
                command += [f"--{key}"] if one is True else [f"--{key}", str(one)]
        result = json.loads(run(command).stdout)
        if result["errors"]:
            raise RuntimeError(f"{type(self).__name__}: {result}")
        return result


class BlobServer(Server):
    """What Forebay and Azurite have in common: the Blob API with the development account."""
    def __init__(self, base):
        super().__init__(base)
        self.sas = account_sas()

    def path(self, name, query=""):
        return f"/{ACCOUNT}/{name}?" + (query + "&" if query else "") + self.sas

    def url(self, name):
        return f"http://127.0.0.1:{self.port}" + self.path(name)

    def request(self, method, name, query="", body=b"", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request(method, self.path(name, query), body, headers or {})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        if response.status >= 300:
            raise RuntimeError(f"{method} {name}: {response.status} {data[:300]}")
        return data

    def make_container(self, name):
        self.request("PUT", name, "restype=container")

    def put(self, name, data):
        self.request("PUT", name, body=data, headers={"x-ms-blob-type": "BlockBlob"})

    def put_large(self, name, data, block=8 << 20):
        ids = []
        for i, at in enumerate(range(0, len(data), block)):
            ids.append(base64.b64encode(b"%08d" % i).decode())
            self.request("PUT", name, f"comp=block&blockid={urllib.parse.quote(ids[-1])}",
                         data[at:at + block])
        xml = "<BlockList>" + "".join(f"<Latest>{i}</Latest>" for i in ids) + "</BlockList>"
        self.request("PUT", name, "comp=blocklist", xml.encode())


class Forebay(BlobServer):
    def __init__(self, base, tls=None):
        super().__init__(base)
        self.tls = tls
        self.admin_port = free_port()

    def metric(self, name):
        """The sum of a metric over its labels."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=60)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M)
        if not found:
            raise RuntimeError(f"/metrics has no {name}")
        return sum(map(float, found))

    def command(self):
        flags = ["--log-requests", "false", "--admin-listen", f"127.0.0.1:{self.admin_port}"]
        if self.tls:
            config = self.directory / "forebay.toml"
            config.write_text(f'[[listener]]\naddress = "127.0.0.1:{self.port}"\n'
                              f'tls_cert = "{self.tls[0]}"\ntls_key = "{self.tls[1]}"\n')
            flags += ["--config", str(config)]
        else:
            flags += ["--listen", f"127.0.0.1:{self.port}"]
        return [str(FOREBAY), "serve", "--data", str(self.directory / "data"), *flags]


class Azurite(BlobServer):
    def command(self):
        binary = ROOT / "build/clients/azurite/node_modules/.bin/azurite-blob"
        return ["node", str(binary), "--silent", "--skipApiVersionCheck", "--disableTelemetry",
                "--blobPort", str(self.port), "-l", str(self.directory)]


class Nginx(Server):
    connections = 1024  # at most, of each of its processes

    def __init__(self, base, tls=None):
        super().__init__(base)
        self.tls = tls
        (self.directory / "www").mkdir()

    def command(self):
        ssl = f"ssl_certificate {self.tls[0]}; ssl_certificate_key {self.tls[1]};" if self.tls else ""
        # Run as whoever runs this; two workers for two cores, as Forebay has two loops.
        (self.directory / "nginx.conf").write_text(f"""
daemon off; worker_processes {os.cpu_count()}; pid {self.directory}/pid; user root;
error_log {self.directory}/error.log;
events {{ worker_connections {self.connections}; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
  client_body_temp_path {self.directory}/body; proxy_temp_path {self.directory}/proxy;
  fastcgi_temp_path {self.directory}/f; uwsgi_temp_path {self.directory}/u; scgi_temp_path {self.directory}/s;
  open_file_cache max=1000;
  server {{ listen 127.0.0.1:{self.port}{' ssl' if self.tls else ''} reuseport; {ssl} root {self.directory}/www; }}
}}""")
        return ["nginx", "-c", str(self.directory / "nginx.conf"), "-e", str(self.directory / "error.log")]


class NginxBlobs(BlobServer):
    """A tree of files that AzCopy takes for the blobs of a container: what its own work costs when the server's
    costs nothing. The listing is another server's, asked once."""
    def __init__(self, base, tree, listing):
        super().__init__(base)
        self.tree = tree
        (self.directory / "list.xml").write_text(listing)

    def command(self):
        (self.directory / "nginx.conf").write_text(f"""
daemon off; worker_processes {os.cpu_count()}; pid {self.directory}/pid; user root;
error_log {self.directory}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; default_type application/octet-stream;
  client_body_temp_path {self.directory}/body; proxy_temp_path {self.directory}/proxy;
  fastcgi_temp_path {self.directory}/f; uwsgi_temp_path {self.directory}/u; scgi_temp_path {self.directory}/s;
  server {{
    listen 127.0.0.1:{self.port} reuseport;
    add_header x-ms-version 2021-12-02; add_header x-ms-blob-type BlockBlob; add_header x-ms-server-encrypted true;
    location = /{ACCOUNT}/bench {{ default_type application/xml; alias {self.directory}/list.xml; }}
    location /{ACCOUNT}/bench/ {{ alias {self.tree}/; }}
  }}
}}""")
        return ["nginx", "-c", str(self.directory / "nginx.conf"), "-e", str(self.directory / "error.log")]


def listing_of(server, container, tree):
    """All pages of a container's listing as one, with the ETags that nginx gives to the files of `tree`."""
    blobs, marker = [], ""
    while True:
        page = server.request("GET", container, f"restype=container&comp=list&marker={urllib.parse.quote(marker)}").decode()
        blobs += re.findall("<Blob>.*?</Blob>", page, re.S)
        marker = (re.findall("<NextMarker>(.*?)</NextMarker>", page) or [""])[0]
        if not marker:
            break

    def as_nginx(blob):
        status = (tree / re.search("<Name>(.*?)</Name>", blob).group(1)).stat()
        etag = f"&quot;{int(status.st_mtime):x}-{status.st_size:x}&quot;"
        return re.sub("<Etag>.*?</Etag>", f"<Etag>{etag}</Etag>", blob)
    return ('<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>' + "".join(map(as_nginx, blobs)) +
            "</Blobs><NextMarker/></EnumerationResults>")


def make_certificate(directory):
    cert, key = directory / "cert.pem", directory / "key.pem"
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-keyout", key, "-out", cert])
    return cert, key
