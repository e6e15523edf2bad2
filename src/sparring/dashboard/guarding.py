"""Who may ask for what: every request passes here before anything else looks at it.

A page of another site may make a browser send requests to this machine, and a name of another site may be made to mean
this machine. So a request must name this server as its host, and must come from a page of ours or from the user's own
hand. Where others than this machine can reach the server, each must also show the token.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 1 << 16  # bytes
CSP = (
    "default-src 'none'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ON_ALL = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::\d{1,5})?", re.ASCII)


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """Lets requests through, or answers them itself.

    Args:
        app: what answers those that may pass.
        host: the address that the server is bound to.
        port: likewise.

    Attributes:
        token: what every request must show; "" where the server can be reached from this machine alone.
        key: what every request that changes or computes something must show as well; our pages have it.
    """

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self.app, self.host = app, host.strip("[]").lower()
        self.token = "" if is_loopback(host) else secrets.token_urlsafe(24)
        self.key = secrets.token_urlsafe(24)
        self._cookie = f"sparring-{port}"  # cookies are shared by all ports of a host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # a WebSocket: there are none here
            await send({"type": "websocket.close", "code": 1008})
            return
        refused = self._refused(scope, Headers(scope=scope))
        body = _Limited(receive)

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in _ON_ALL.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await (refused or self.app)(scope, body, dressed)

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to a request that may not pass; None for one that may."""
        if not self._is_ours(headers.get("host", "")):
            return PlainTextResponse("This server is not called so.\n", 403)
        if not _is_from_here(scope, headers):
            return PlainTextResponse("Requests from other sites are refused.\n", 403)
        if self.token and (answer := self._without_token(scope, headers)) is not None:
            return answer
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return PlainTextResponse("Only GET and POST.\n", 405, {"allow": "GET, HEAD, POST"})
        if scope["method"] == "POST":
            if not _same(headers.get("x-sparring", ""), self.key):
                return PlainTextResponse("Open the page anew: the server was started again.\n", 403)
            length = headers.get("content-length", "0")
            if not length.isdecimal() or int(length[:12]) > LARGEST_BODY:
                return PlainTextResponse("Too much was sent.\n", 413)
        return None

    def _is_ours(self, host: str) -> bool:
        """Whether a name may mean this server: an address, which no other site can hand out, or a name of ours."""
        found = _HOST.fullmatch(host)
        name = found[1].lower() if found else ""
        if not name:
            return False
        if not self.token:
            return is_loopback(name)
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return name in ("localhost", self.host, socket.gethostname().lower(), socket.getfqdn().lower())
        return True

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        """What to say to who shows no token, in a cookie or a header; the address that was printed sets the cookie."""
        kind, _, shown = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and _same(shown.strip(), self.token):
            return None
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            cookie = None
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), max_num_fields=100) if _few(scope) else {}
        given = query.pop("token", [""])[0]
        if given and _same(given, self.token) and scope["method"] == "GET":
            rest = f"?{urlencode(query, doseq=True)}" if query else ""
            path = _path(scope).lstrip("/\\")  # "//" or "/\\" at its begin would lead to another host
            answer = RedirectResponse(f"/{path}{rest}", 303)
            # Not "strict": the address may be followed from a mail or a notebook.
            answer.set_cookie(self._cookie, self.token, httponly=True, samesite="lax")
            return answer
        if cookie is not None and _same(cookie.value, self.token):
            return None
        return PlainTextResponse("The token is missing or wrong: open the address that was printed.\n", 401)


def _few(scope: Scope) -> bool:
    return scope.get("query_string", b"").count(b"&") < 100


def _path(scope: Scope) -> str:
    return scope.get("raw_path", b"/").decode("latin-1").partition("?")[0]


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def _is_from_here(scope: Scope, headers: Headers) -> bool:
    """Whether a request comes from a page of ours, from no page at all, or is somebody's who follows a link."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None:
        try:
            if urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
                return False
        except ValueError:
            return False
    if site in (None, "same-origin", "none"):
        return True
    # A link that is followed shows the page to the user, and nothing of it to whoever made the link.
    follows = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return follows and scope["method"] == "GET"


class _Limited:
    """A body of which no more than is allowed is taken, whatever its head said."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._left = receive, LARGEST_BODY

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise TooMuchError
        return message


class TooMuchError(Exception):
    """More was sent than may be."""
