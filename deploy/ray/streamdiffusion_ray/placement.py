"""What clients and browsers reach first. `POST /api/place` says which server has a place; everything else of the
page comes from any server, since all are alike. Images and frames do not pass here."""
import asyncio
import hashlib
import hmac
import json
import re

import aiohttp
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from ray import serve
from ray.exceptions import RayError
from ray.serve.handle import DeploymentHandle

from .settings import Settings, read_token

TRIES = 3  # servers that are asked for a place, the emptiest first
TRY_S = 1.0
RETRY_AFTER_S = 1
MOST_BODY_BYTES = 8192
SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")
COOKIE = "sd-place"
SHARED_ROUTES = ("api/settings", "api/words", "api/models")  # the same of every server
KEPT_REQUEST = ("accept-encoding", "if-none-match")
DROPPED_RESPONSE = ("connection", "keep-alive", "transfer-encoding", "content-length", "set-cookie", "date", "server")

http = FastAPI(title="StreamDiffusion placement", docs_url=None, redoc_url=None)


class Refusal(Exception):
    """An answer that is no success, in the form that the servers' errors have."""

    def __init__(self, status: int, code: str, message: str, retry_after_s: int = 0):
        super().__init__(message)
        self.status, self.code, self.retry_after_s = status, code, retry_after_s


@http.exception_handler(Refusal)
async def refuse(_: Request, refusal: Refusal) -> Response:
    headers = {"Retry-After": str(refusal.retry_after_s)} if refusal.retry_after_s else {}
    return JSONResponse({"error": {"code": refusal.code, "message": str(refusal)}}, refusal.status, headers)


def read_wish(body: object) -> tuple[str, tuple[str, ...]]:
    """The session's id and the servers to avoid, of the body of /api/place."""
    if not isinstance(body, dict):
        raise Refusal(400, "bad_request", "expected a JSON object with session and, where there is any, avoid")
    if unknown := set(body) - {"session", "avoid"}:
        raise Refusal(400, "unknown_parameter", f"{sorted(unknown)[0]}: expected session and avoid alone")
    session, avoid = body.get("session"), body.get("avoid", [])
    if not isinstance(session, str) or not SESSION.fullmatch(session):
        raise Refusal(400, "bad_request", "session: expected 1 to 64 characters of A-Z a-z 0-9 _ -")
    if not isinstance(avoid, list) or len(avoid) > 16 or not all(isinstance(url, str) for url in avoid):
        raise Refusal(400, "bad_request", "avoid: expected a list of at most 16 addresses of servers")
    return session, tuple(avoid)


async def read_json(request: Request) -> object:
    """The body of a request, which is never read beyond its limit."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY_BYTES:
            raise Refusal(413, "too_large", f"the body has more than {MOST_BODY_BYTES} bytes")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "bad_request", f"the body is no JSON: {error}") from error


def kept_headers(headers) -> dict[str, str]:
    """Those of a server's answer; its page may also reach the other servers."""
    kept = {name: value for name, value in headers.items() if name.lower() not in DROPPED_RESPONSE}
    policy = kept.get("Content-Security-Policy", "")
    for source in ("connect-src 'self'", "img-src 'self'"):
        policy = policy.replace(source, source + " http: https:")
    return kept | ({"Content-Security-Policy": policy} if policy else {})


# Ray copies what this module holds up to here: nothing that the class uses may stand below it.
@serve.ingress(http)
class Placement:
    def __init__(self, settings: Settings, servers: DeploymentHandle):
        self._settings, self._servers = settings, servers
        self._token = read_token(settings.token_file)
        self._cookie = hmac.new(self._token.encode(), b"streamdiffusion placement", hashlib.sha256).hexdigest()
        self._client: aiohttp.ClientSession | None = None

    @http.get("/healthz")
    async def healthz(self) -> Response:
        return Response("ok\n", media_type="text/plain")

    @http.post("/api/place")
    async def place(self, request: Request) -> Response:
        """Where the client's session has a place now, or 503 and when to ask again."""
        self._check_access(request)
        session, avoid = read_wish(await read_json(request))
        url = await self._find_place(session, avoid)
        answer = {"url": url, "token": self._token, "watchdog_s": self._settings.watchdog_s}
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    @http.get("/{path:path}")
    async def page(self, request: Request, path: str) -> Response:
        """The page and what it asks of all servers alike, from one of them."""
        if self._is_token(request.query_params.get("token", "")) and path == "":
            return self._let_in(request)
        self._check_access(request)
        if path == "" and "place" not in request.query_params:
            return RedirectResponse("./?place=api/place", 302)
        if path.startswith("api/") and path not in SHARED_ROUTES:
            raise Refusal(404, "not_found", f"/{path} is asked of the session's own server; POST /api/place says where")
        return await self._from_a_server(request, path)

    def _is_token(self, text: str) -> bool:
        return bool(self._token) and hmac.compare_digest(text.encode(), self._token.encode())

    def _check_access(self, request: Request) -> None:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        shown = request.cookies.get(COOKIE, "").encode()
        if not (not self._token or scheme.lower() == "bearer" and self._is_token(bearer)
                or self._is_token(request.query_params.get("token", ""))
                or hmac.compare_digest(shown, self._cookie.encode())):
            raise Refusal(401, "unauthorized", "the placement requires a token: open /?token=TOKEN, or send "
                          "Authorization: Bearer TOKEN")

    def _let_in(self, request: Request) -> Response:
        """A cookie in place of the token, which disappears from the address."""
        answer = RedirectResponse("./?place=api/place", 302)
        encrypted = any(origin.startswith("https") for origin in self._settings.origins)
        answer.set_cookie(COOKIE, self._cookie, httponly=True, samesite="strict", secure=encrypted)
        return answer

    async def _find_place(self, session: str, avoid: tuple[str, ...]) -> str:
        for _ in range(TRIES):
            answer = await self._ask(session=session, avoid=avoid)
            if answer and answer["given"]:
                return answer["url"]
            if not answer or answer["url"] in avoid:
                break  # all have been asked
            avoid = (*avoid, answer["url"])
        raise Refusal(503, "full", "no server has a free place now; more may be starting", RETRY_AFTER_S)

    async def _ask(self, **wish) -> dict | None:
        """A server's answer; None where none has come in time, or the replica ended before it."""
        try:
            return await asyncio.wait_for(self._servers.place.remote(**wish), TRY_S)
        except (TimeoutError, asyncio.TimeoutError, RayError):
            return None

    async def _from_a_server(self, request: Request, path: str) -> Response:
        found = await self._ask()
        if not found:
            raise Refusal(503, "full", "no server is ready", RETRY_AFTER_S)
        headers = {name: request.headers[name] for name in KEPT_REQUEST if name in request.headers}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        query = [(k, v) for k, v in request.query_params.multi_items() if k not in ("token", "place")]
        self._client = self._client or aiohttp.ClientSession(auto_decompress=False,
                                                             timeout=aiohttp.ClientTimeout(total=10))
        try:
            async with self._client.get(f"{found['url']}/{path}", params=query, headers=headers,
                                        ssl="--self-signed" not in self._settings.flags) as answer:
                return Response(await answer.read(), answer.status, kept_headers(answer.headers))
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            raise Refusal(503, "full", f"the server that was asked did not answer: {error}", RETRY_AFTER_S) from error
