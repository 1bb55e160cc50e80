#!/usr/bin/env python3
"""serve.py - an HTTP server on 127.0.0.1 that behaves as networks do, for e2e_fetch.

    serve.py FOLDER PORT-FILE LOG [CERTIFICATE]      with a certificate: HTTPS

/HOW/NAME serves FOLDER/NAME; HOW says what goes wrong, see `answer`. Each request is a line of LOG:
path, status, Range, If-Range. As a proxy it takes the path of the address that it is asked for.
"""
import http.server
import os
import ssl
import sys
import time
import urllib.parse

folder, port_file, log = sys.argv[1:4]
asked = {}  # path: how often


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def head(self, status, length, headers=()):
        with open(log, "a") as out:
            print(self.path, status, self.headers.get("Range", "-"),
                  self.headers.get("If-Range", "-"), file=out)
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def refuse(self, status, *headers):
        self.head(status, 0, headers)

    def send_file(self, data, etag='"one"', ranges=True, said=None, shift=0, sent=None, pause=0.0):
        """`said` is the length it claims, `sent` how many bytes come before the connection is cut,
        `shift` how far a part begins beside the one that was asked for."""
        total = len(data) if said is None else said
        headers = [("ETag", etag)] if etag else []
        first = 0
        wanted = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        if wanted and ranges and condition in (None, etag):
            first = int(wanted.split("=")[1].split("-")[0])
            if first >= len(data):
                self.refuse(416, ("Content-Range", f"bytes */{len(data)}"))
                return
            headers.append(("Content-Range", f"bytes {first + shift}-{total - 1}/{total}"))
            self.head(206, total - first, headers)
        else:
            self.head(200, total, headers)
        body = data[first:] if sent is None else data[first:first + sent]
        try:
            for at in range(0, len(body), 4096):
                self.wfile.write(body[at:at + 4096])
                self.wfile.flush()
                time.sleep(pause)
        except OSError:
            pass
        if sent is not None or said is not None:
            self.close_connection = True

    def do_GET(self):
        # A proxy is asked for whole addresses.
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        parts = path.strip("/").split("/")
        how, name = parts[0], parts[-1]
        asked[path] = n = asked.get(path, 0) + 1
        try:
            with open(os.path.join(folder, name), "rb") as file:
                data = file.read()
        except OSError:
            self.refuse(404)
            return
        self.answer(how, name, data, n)

    def answer(self, how, name, data, n):
        half = len(data) // 2
        wrong = data[:half] + bytes([data[half] ^ 1]) + data[half + 1:]
        if how == "cut":  # twice, in the middle
            self.send_file(data, sent=len(data) // 3 if n <= 2 else None)
        elif how == "unmarked":  # cut, and no ETag
            self.send_file(data, etag=None, sent=half if n == 1 else None)
        elif how == "stall":
            self.send_file(data, sent=half if n == 1 else None)
            if n == 1:
                time.sleep(5)
        elif how == "never":  # more than a third
            if self.headers.get("Range"):
                self.refuse(503)
            else:
                self.send_file(data, sent=len(data) // 3)
        elif how == "longer":  # than what comes, always
            self.send_file(data, said=len(data) + 1000)
        elif how == "shorter":
            self.send_file(data[:half])
        elif how == "norange":
            self.send_file(data, ranges=False, sent=half if n == 1 else None)
        elif how == "otherrange":
            self.send_file(data, sent=half if n == 1 else None, shift=7 if n == 2 else 0)
        elif how == "changed":  # between the parts
            if n == 1:
                self.send_file(wrong, etag='"old"', sent=half)
            else:
                self.send_file(data)
        elif how == "mixed":  # the same, and the server does not say so
            self.send_file(wrong if n == 1 else data, sent=half + 10 if n == 1 else None)
        elif how == "wrong":
            self.send_file(wrong)
        elif how in ("429", "503"):
            if n == 1:
                self.refuse(int(how), ("Retry-After", "1"))
            else:
                self.send_file(data)
        elif how in ("500", "403", "404", "204"):
            self.refuse(int(how))
        elif how == "busy":  # for longer than anybody waits
            self.refuse(503, ("Retry-After", "100000"))
        elif how == "redirect":
            self.refuse(302, ("Location", "/ok/" + name))
        elif how == "loop":
            self.refuse(302, ("Location", "/loop/" + name))
        elif how == "tofile":
            self.refuse(302, ("Location", "file:///etc/passwd"))
        elif how == "plain":  # from HTTPS to HTTP
            self.refuse(302, ("Location", "http://127.0.0.1:9/" + name))
        elif how == "slow":  # until it is asked for the rest
            self.send_file(data, pause=0.0 if self.headers.get("Range") else 0.05)
        elif how == "page":
            self.send_file(b"<html>please log in</html>")
        elif how == "weak":
            self.send_file(data, etag='W/"one"', sent=half if n == 1 else None)
        else:
            self.send_file(data)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
server.handle_error = lambda *_: None  # a connection that the other side has ended
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(port_file + ".new", "w") as out:
    out.write(str(server.server_port))
os.rename(port_file + ".new", port_file)
server.serve_forever()
