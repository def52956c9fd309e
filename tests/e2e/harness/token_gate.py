"""A server that knows bearer tokens, as Azure does, in front of one that knows signatures."""

import http.server
import threading


class TokenGate:
    """Lets through who says `token`, on the authority of `sas`; the others are told 401."""

    def __init__(self, server, sas, token):
        self.sas, self.token = sas, token
        self.refused = 0
        gate = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                self.behind = server.connect()

            def finish(self):
                self.behind.close()
                super().finish()

            def log_message(self, *_):
                pass

            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Authorization") != f"Bearer {gate.token}":
                    gate.refused += 1
                    self.send_response(401)
                    self.send_header("x-ms-error-code", "InvalidAuthenticationInfo")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                sent = {k: v for k, v in self.headers.items() if k != "Authorization"}
                path = self.path + ("&" if "?" in self.path else "?") + gate.sas
                self.behind.request(self.command, path, body, sent)
                answer = self.behind.getresponse()
                data = answer.read()
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name not in ("Transfer-Encoding", "Connection", "Content-Length"):
                        self.send_header(name, value)
                length = answer.getheader("Content-Length", "0") if self.command == "HEAD" else len(data)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = forward

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever)
        self.thread.start()

    def url(self, account, *names):
        return "/".join([f"http://127.0.0.1:{self.port}", account.name, *names])

    def stop(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()
