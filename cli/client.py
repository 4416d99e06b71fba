"""A deployment as the command line sees it: HTTP in, JSON or one clear sentence out."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import quote

import httpx
from httpx_sse import SSEError, aconnect_sse

from cli.events import event_of

Json = dict[str, Any]

# The slowest answer, a whole turn, ends within API Gateway's 30 s.
TIMEOUT = httpx.Timeout(60, connect=5, pool=None)
PAGE = 100
# What a deployment says when it is busy or waking up: asking again later may help.
_PASSING = (429, 502, 503, 504)
_TERMINAL = ("response_complete", "incomplete")


class Failed(Exception):
    """What to tell the person: one sentence, and the id of the request it is about.

    `passing` when the same request may well succeed later: in `retry_after` seconds, if told so.
    """

    def __init__(
        self,
        message: str,
        *,
        request_id: str | None = None,
        passing: bool = False,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.request_id = request_id
        self.passing = passing
        self.retry_after = retry_after


class Unreached(Failed):
    """What was to be asked is not there."""


class Quire:
    """One deployment. Every method raises Failed."""

    def __init__(
        self, url: str, *, key: str | None, user: str | None, stream_url: str | None = None
    ) -> None:
        """Without `stream_url` its answers come whole only."""
        self._url = httpx.URL(url)
        self._stream_url = stream_url.rstrip("/") if stream_url else None
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        if user:
            self._headers["Quire-User"] = user
        self._http = httpx.AsyncClient(
            base_url=url,
            timeout=TIMEOUT,
            # No proxy that the environment names leads back to this machine's own servers.
            trust_env=not is_loopback(self._url),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    @property
    def url(self) -> str:
        """Where it is, without a name or password that the URL may hold."""
        return _origin(self._url)

    async def get(self, path: str, *, also: tuple[int, ...] = (), **params: Any) -> Json:
        """The answer's JSON; `also` are statuses whose body is an answer and no error."""
        given = {name: value for name, value in params.items() if value is not None}
        return await self._call("GET", path, also=also, params=given)

    async def post(self, path: str, body: Json) -> Json:
        return await self._call("POST", path, json=body)

    async def put(self, path: str, body: Json) -> Json:
        return await self._call("PUT", path, json=body)

    async def stream(self, path: str, body: Json) -> AsyncGenerator[Json, None]:
        """The events of a stream as they come, to its end. Raises Unreached where none answers."""
        if self._stream_url is None:
            raise Unreached("No address is known where answers stream.")
        url = self._stream_url + path
        with _translated():
            async with aconnect_sse(
                self._http, "POST", url, json=body, headers=dict(self._headers)
            ) as source:
                if not source.response.is_success:
                    await source.response.aread()
                    raise self._no_stream(source.response)
                async for sent in source.aiter_sse():
                    if not sent.data:  # what becomes of a comment after an id
                        continue
                    if (event := event_of(sent)) is None:
                        raise Failed(f"What streams from {self._stream_url} is not Quire.")
                    if event["event"] == "error":
                        raise _told(event["problem"])
                    yield event
                    if event["event"] in _TERMINAL:
                        return
                raise _broken_off(source.response.url)

    async def delete(self, path: str) -> Json:
        return await self._call("DELETE", path)

    async def text(self, path: str) -> str:
        """What is no JSON; a long text is fetched from where the deployment sends one."""
        answer = await self._request("GET", path, headers=self._headers, follow_redirects=True)
        if not answer.is_success:
            raise self._failed(answer, _json_object(answer) or {})
        return answer.text

    async def fetch(self, url: str, to: Path) -> None:
        """Put what a presigned URL answers into a file; no key of ours goes along."""
        with _translated():
            async with self._http.stream("GET", url) as answer:
                if not answer.is_success:
                    raise Failed(f"The storage refused the file ({_status(answer)}).")
                with to.open("wb") as file:
                    async for piece in answer.aiter_bytes():
                        file.write(piece)

    async def pages(self, path: str, **params: Any) -> AsyncIterator[Json]:
        """Every item of a list, fetched page by page."""
        after = None
        while True:
            page = await self.get(path, limit=PAGE, after=after, **params)
            for item in page["data"]:
                yield item
            if not page["has_more"]:
                return
            after = page["last_id"]

    async def send_form(
        self, url: str, fields: Mapping[str, str], file: IO[bytes], content_type: str
    ) -> None:
        """Fill in a presigned form; the storage wants its file last, and no key of ours.

        https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html
        """
        answer = await self._request(
            "POST", url, data=fields, files={"file": ("file", file, content_type)}
        )
        if not answer.is_success:
            raise Failed(f"The storage refused the file ({_status(answer)}).")

    async def _call(
        self, method: str, path: str, *, also: tuple[int, ...] = (), **more: Any
    ) -> Json:
        answer = await self._request(method, path, headers=self._headers, **more)
        body = {} if answer.status_code == HTTPStatus.NO_CONTENT else _json_object(answer)
        if answer.is_success or answer.status_code in also:
            if body is None:
                raise Failed(f"What answers at {self._url} is not Quire; check the URL.")
            return body
        raise self._failed(answer, body or {})

    async def _request(self, method: str, url: str, **more: Any) -> httpx.Response:
        with _translated():
            return await self._http.request(method, url, **more)

    def _no_stream(self, answer: httpx.Response) -> Failed:
        body = _json_object(answer) or {}
        if "detail" in body:
            return self._failed(answer, body)
        return Unreached(f"What answers at {self._stream_url} is not Quire; check the URL.")

    def _failed(self, answer: httpx.Response, body: Json) -> Failed:
        # API Gateway's own errors have a `message` where Quire's problems have a `detail`.
        detail = body.get("detail") or body.get("message")
        message = str(detail or f"{self._url} answers {_status(answer)}; check the URL.")
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            message += " Give the key with --key or QUIRE_API_KEY."
        if seconds := answer.headers.get("Retry-After", ""):
            message += f" Wait {seconds} s."
        return Failed(
            message,
            request_id=body.get("request_id") or answer.headers.get("apigw-requestid"),
            passing=answer.status_code in _PASSING,
            retry_after=int(seconds) if seconds.isdecimal() else None,
        )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except UnicodeEncodeError:
        raise Failed("What you gave is not valid UTF-8.") from None
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise Unreached(_no_answer(error.request.url)) from None
    except SSEError as error:
        raise Unreached(f"There is no stream: {error}") from None
    except httpx.TimeoutException as error:
        message = f"{_origin(error.request.url)} takes too long; try again."
        raise Failed(message, passing=True) from None
    except httpx.HTTPError as error:
        raise _broken_off(error.request.url) from None


def _broken_off(url: httpx.URL) -> Failed:
    return Failed(f"The connection to {_origin(url)} broke off; try again.", passing=True)


def _told(problem: Json) -> Failed:
    """What went wrong once a stream had begun."""
    detail = str(problem.get("detail", "The answer broke off."))
    passing = problem.get("status") in _PASSING
    return Failed(detail, request_id=problem.get("request_id"), passing=passing)


def is_loopback(url: httpx.URL) -> bool:
    return url.host in ("127.0.0.1", "localhost", "::1")


def path_of(collection: str, identifier: str) -> str:
    return f"/v1/{collection}/{quote(identifier, safe='')}"


def _json_object(answer: httpx.Response) -> Json | None:
    try:
        body = answer.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _status(answer: httpx.Response) -> str:
    return f"{answer.status_code} {answer.reason_phrase}".strip()


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _no_answer(url: httpx.URL) -> str:
    hint = "is it running? `make run` starts it." if is_loopback(url) else "check the URL."
    return f"Nothing answers at {_origin(url)}; {hint}"
