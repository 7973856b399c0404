"""A stand-in for the Hugging Face hub and for Civitai, for tests: the standard library alone.

Small files are served by the hub itself, large ones (those in `lfs`) by a second server on another port, behind a
redirect with a signature, as the real hub does. Every request is kept in `requests`. Faults are asked for by path.
"""
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import re
import secrets
import threading
import time
import urllib.parse

PAGE = 2  # entries of a page of the list of files


def content_of(content):
    return content.read_bytes() if isinstance(content, pathlib.Path) else content


def git_sha1(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Repository:
    """`files` maps paths to bytes, or to a pathlib.Path whose content is sent by the kernel."""

    def __init__(self, files, lfs=(), gated=False, private=False, tags=("license:mit",)):
        self.files, self.lfs, self.gated, self.private, self.tags = dict(files), set(lfs), gated, private, list(tags)
        self.refs = {"main": hashlib.sha1(secrets.token_bytes(8)).hexdigest()}
        self.hashes = {path: hashlib.sha256(content_of(self.files[path])).hexdigest() for path in self.lfs}
        self.extra_entries = []  # of the list of files, as a lying hub would add them
        self.changed_entries = {}  # path -> keys that replace those of its entry

    def size(self, path):
        content = self.files[path]
        return content.stat().st_size if isinstance(content, pathlib.Path) else len(content)

    def entry(self, path):
        size = self.size(path)
        if path in self.lfs:
            entry = {"type": "file", "path": path, "size": size, "oid": "0" * 40,
                     "lfs": {"oid": self.hashes[path], "size": size, "pointerSize": 130}}
        else:
            entry = {"type": "file", "path": path, "size": size, "oid": git_sha1(self.files[path])}
        return entry | self.changed_entries.get(path, {})

    def entries(self):
        folders = {path.rsplit("/", 1)[0] for path in self.files if "/" in path}
        return ([{"type": "directory", "path": folder, "oid": "0" * 40, "size": 0} for folder in sorted(folders)] +
                [self.entry(path) for path in sorted(self.files)] + self.extra_entries)


class Fault:
    """What happens to requests of a path: the next `times` of them, or all."""

    def __init__(self, kind, times=None, after=0, header=None):
        self.kind, self.times, self.after, self.header = kind, times, after, header or {}


class Hub:
    def __init__(self):
        self.repositories, self.renamed, self.civitai = {}, {}, {}
        self.link_host = None  # what the next page's address begins with, where it is not the endpoint
        self.token = None  # the one that opens what is private or gated
        self.faults = {}  # path, as "unet/config.json" or "/api/models/a/b/revision/main" -> Fault
        self.requests = []  # (server, method, path, headers)
        self.leaked = []  # paths of the store that a token was sent to
        self.lock = threading.Lock()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.hub_server.server_port}"

    @property
    def store(self):
        return f"http://127.0.0.1:{self.store_server.server_port}"

    def fault(self, path):
        with self.lock:
            fault = self.faults.get(path)
            if fault is None or fault.times == 0:
                return None
            if fault.times is not None:
                fault.times -= 1
            return fault

    def count(self, text, server=None):
        with self.lock:
            return sum(text in path and server in (None, where) for where, _, path, _ in self.requests)

    @contextlib.contextmanager
    def running(self):
        servers = []
        for role in (HubHandler, StoreHandler):
            handler = type(role.__name__, (role,), {"hub": self})
            server = Server(("127.0.0.1", 0), handler)
            servers.append(server)
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.hub_server, self.store_server = servers
        try:
            yield self
        finally:
            for server in servers:
                server.shutdown()
                server.server_close()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # clients that break off belong to the tests


class Handler(http.server.BaseHTTPRequestHandler):
    hub: Hub
    role = ""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        with self.hub.lock:
            self.hub.requests.append((self.role, self.command, self.path, dict(self.headers)))
        with contextlib.suppress(ConnectionError, BrokenPipeError):
            self.answer()

    def send(self, status, body=b"", headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_json(self, value, headers=None):
        self.send(200, json.dumps(value).encode(), {"Content-Type": "application/json"} | (headers or {}))

    def refuse(self, status, code="", message=""):
        self.send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": message})

    def common_fault(self, fault):
        """Answers that have nothing to do with the content. Returns whether it answered."""
        if fault is None or fault.kind not in ("status", "silent", "hang_up", "page", "headers", "drip"):
            return False
        if fault.kind == "page":
            self.send(200, b"<html>log in</html>", {"Content-Type": "text/html; charset=utf-8"})
        if fault.kind == "status":
            self.send(fault.after, b"", fault.header)
        elif fault.kind == "headers":  # until the client has enough
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                self.wfile.write(b"X-More: and more\r\n" * 1000)
        elif fault.kind == "drip":
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b" ")
                time.sleep(0.05)
        elif fault.kind == "hang_up":
            self.close_connection = True
        return True

    def send_file(self, content, fault, headers=None):
        size = content.stat().st_size if isinstance(content, pathlib.Path) else len(content)
        kind = fault.kind if fault else ""
        begin = 0
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and kind != "no_range":
            begin = int(asked.group(1))
            if begin >= size:
                return self.send(416, b"", {"Content-Range": f"bytes */{size}"})
        self.send_response(206 if asked and kind != "no_range" else 200)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if asked and kind != "no_range":
            first = begin if kind != "wrong_range" else 0
            self.send_header("Content-Range", f"bytes {first}-{size - 1}/{size}")
        longer = 1000 if kind == "too_long" else 0
        self.send_header("Content-Length", str(size - begin + longer))
        self.end_headers()
        if self.command == "HEAD":
            return
        if isinstance(content, pathlib.Path):
            return self.send_by_kernel(content, begin, size)
        body = content[begin:] + b"x" * longer
        if kind == "wrong":
            body = bytes(byte ^ 1 for byte in body[:1]) + body[1:]
        if kind == "drop":
            self.wfile.write(body[:fault.after])
            self.wfile.flush()
            self.connection.shutdown(2)
            self.close_connection = True
            return
        if kind == "slow":
            return self.send_slowly(body, fault.after)
        self.wfile.write(body)

    def send_slowly(self, body, pause):
        for begin in range(0, len(body), len(body) // 50):
            self.wfile.write(body[begin:begin + len(body) // 50])
            time.sleep(pause)

    def send_by_kernel(self, path, begin, size):
        self.wfile.flush()
        with path.open("rb") as file:
            while begin < size:
                begin += os.sendfile(self.connection.fileno(), file.fileno(), begin, size - begin)


class HubHandler(Handler):
    role = "hub"

    def answer(self):
        path, _, query = self.path.partition("?")
        if self.common_fault(self.hub.fault(path)):
            return
        for old, new in self.hub.renamed.items():
            if f"/{old}/" in path:
                return self.send(307, b"", {"Location": self.path.replace(f"/{old}/", f"/{new}/", 1)})
        patterns = ((r"/api/models/([^/]+/[^/]+)/revision/(.+)", self.revision),
                    (r"/api/models/([^/]+/[^/]+)/tree/([^/]+)", self.tree),
                    (r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.resolve),
                    (r"/api/v1/model-versions/(\d+)", self.civitai_version),
                    (r"/api/download/models/(\d+)", self.civitai_file))
        for pattern, answer in patterns:
            if found := re.fullmatch(pattern, path):
                return answer(*(urllib.parse.unquote(group) for group in found.groups()), query=query)
        self.send(404)

    def open(self, name):
        """The repository; None if the answer is a refusal, which is sent."""
        repository = self.hub.repositories.get(name)
        known = self.headers.get("Authorization") == f"Bearer {self.hub.token}" and self.hub.token
        sent = "Authorization" in self.headers
        if repository is None or (repository.private and not known):
            self.refuse(404 if sent else 401, "RepoNotFound", "Repository not found")
            return None
        return repository

    def may_read(self, repository):
        if not repository.gated or self.headers.get("Authorization") == f"Bearer {self.hub.token}":
            return True
        self.refuse(403 if "Authorization" in self.headers else 401, "GatedRepo", "Access to it is restricted")
        return False

    def commit_of(self, repository, revision):
        commit = repository.refs.get(revision, revision if revision in repository.refs.values() else None)
        if commit is None:
            self.refuse(404, "RevisionNotFound", "Invalid rev id")
        return commit

    def revision(self, name, revision, query):
        if (repository := self.open(name)) and (commit := self.commit_of(repository, revision)):
            self.send_json({"id": name, "sha": commit, "gated": repository.gated, "private": repository.private,
                            "siblings": [{"rfilename": path} for path in repository.files],
                            "tags": repository.tags})

    def tree(self, name, revision, query):
        repository = self.open(name)
        if not repository or not self.commit_of(repository, revision):
            return
        begin = int(urllib.parse.parse_qs(query).get("cursor", ["0"])[0])
        entries = repository.entries()
        headers = {}
        if begin + PAGE < len(entries):
            where = f'{self.hub.link_host or self.hub.endpoint}{self.path.split("?")[0]}'
            headers["Link"] = f'<{where}?recursive=true&cursor={begin + PAGE}>; rel="next"'
        self.send_json(entries[begin:begin + PAGE], headers)

    def resolve(self, name, revision, path, query):
        repository = self.open(name)
        if not repository or not self.may_read(repository) or not self.commit_of(repository, revision):
            return
        if path not in repository.files:
            return self.refuse(404, "EntryNotFound", "Entry not found")
        headers = {"X-Repo-Commit": self.commit_of(repository, revision)}
        if path not in repository.lfs:
            fault = self.hub.fault(path)
            if not self.common_fault(fault):
                headers["ETag"] = f'"{git_sha1(repository.files[path])}"'
                self.send_file(repository.files[path], fault, headers)
            return
        where = f"{self.hub.store}/{name}/{path}?signature={secrets.token_hex(8)}"
        self.send(302, b"", headers | {"Location": where, "X-Linked-Etag": f'"{repository.hashes[path]}"',
                                       "X-Linked-Size": str(repository.size(path))})

    def civitai_version(self, number, query):
        if number not in self.hub.civitai:
            return self.send(404)
        content, name = self.hub.civitai[number]
        pickle = {"name": "model.ckpt", "primary": True, "sizeKB": 1, "metadata": {"format": "PickleTensor"},
                  "hashes": {"SHA256": "0" * 64}, "downloadUrl": f"{self.hub.endpoint}/api/download/models/0"}
        self.send_json({"id": int(number), "modelId": 4384, "name": "v1", "baseModel": "SD 1.5", "model": {"name": "Ink"}, "files": [
            pickle, {"name": name, "sizeKB": len(content) / 1024, "metadata": {"format": "SafeTensor"},
                     "hashes": {"SHA256": hashlib.sha256(content).hexdigest().upper()},
                     "downloadUrl": f"{self.hub.endpoint}/api/download/models/{number}"}]})

    def civitai_file(self, number, query):
        if self.hub.token and self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            return self.send(401)
        self.send(302, b"", {"Location": f"{self.hub.store}/civitai/{number}?signature=1"})


class StoreHandler(Handler):
    role = "store"

    def answer(self):
        path, _, query = self.path.partition("?")
        if "Authorization" in self.headers:
            with self.hub.lock:
                self.hub.leaked.append(path)
        if "signature=" not in query:
            return self.send(403)
        if number := re.fullmatch(r"/civitai/(\d+)", path):
            return self.send_file(self.hub.civitai[number.group(1)][0], None)
        name, file = re.fullmatch(r"/([^/]+/[^/]+)/(.+)", urllib.parse.unquote(path)).groups()
        fault = self.hub.fault(file)
        if not self.common_fault(fault):
            self.send_file(self.hub.repositories[name].files[file], fault)
