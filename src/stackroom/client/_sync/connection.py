# Made from ../_async/connection.py by tools/generate_sync_client.py: change it there.
# ruff: noqa: SIM117, UP028 - shorter forms that the async side does not have
"""Sending: one pooled connection to one server, with retries, errors in our words, and files both ways."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import IO, TypeVar

import httpx

from stackroom import __version__
from stackroom.client.config import Config
from stackroom.client.errors import NetworkError, StackroomError
from stackroom.client.exchange import (
    absolute,
    call_body,
    call_headers,
    check,
    download_headers,
    form_headers,
    long_timeout,
    network_errors,
    on_this_server,
    opened,
    read_answer,
    upload_headers,
)
from stackroom.client.files import Arrival, LocalImage, Progress, next_piece, open_to_read
from stackroom.client.media import Form, form_around
from stackroom.client.retry import pause_before_retry
from stackroom.client.wire import Call, QueryValue, with_query

from .seam import USER_AGENT, Clock, in_thread

T = TypeVar("T")


class Connection:
    """A client's way to its server. Safe to share."""

    def __init__(self, config: Config, *, transport: httpx.BaseTransport | None, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        self._http = opened(httpx.Client, config, transport=transport, agent=f"{USER_AGENT}/{__version__}")

    def close(self) -> None:
        self._http.close()

    def call(self, call: Call[T]) -> T:
        """The answer's value. Raises ApiError or NetworkError when retrying did not help."""
        return read_answer(call, self.send(call))

    def send(self, call: Call[T]) -> httpx.Response:
        """The answer itself, of success."""
        request = self._http.build_request(
            call.method,
            self.config.base_url + with_query(call.path, call.query),
            content=call_body(call),
            headers=call_headers(self.config, call),
        )
        return self._retrying(lambda: self._exchange(request))

    def get_json(self, url: str) -> bytes:
        """The body of something that an answer pointed to on this server."""
        headers = {"X-API-Key": self.config.api_key, "Accept": "application/json"}
        request = self._http.build_request("GET", on_this_server(self.config, url), headers=headers)
        return (self._retrying(lambda: self._exchange(request))).content

    def put_file(self, url: str, image: LocalImage, progress: Progress | None) -> None:
        """Send a file's bytes to a signed address; sending them again does no harm, so it is retried."""
        target = absolute(self.config, url)
        self._retrying(lambda: self._put_once(target, image, progress))

    def call_with_file(self, call: Call[T], file: LocalImage, progress: Progress | None) -> T:
        """`call`, with a form around a file for a body; every retry sends it anew."""
        url = self.config.base_url + with_query(call.path, call.query)
        form = form_around(file)
        headers = form_headers(self.config, call, form, file)
        response = self._retrying(lambda: self._post_once(url, headers, form, file, progress))
        return read_answer(call, response)

    def download(
        self,
        path: str,
        output_path: str | Path,
        *,
        query: Mapping[str, QueryValue] | None = None,
        progress: Progress | None = None,
    ) -> Path:
        """Stream what the API has at `path` into a file that appears only when it is whole."""
        url = self.config.base_url + with_query(path, query or {})
        return self._download(url, output_path, progress, signed=False)

    def download_signed(self, url: str, output_path: str | Path, *, progress: Progress | None = None) -> Path:
        """The same for a signed address, which gets no key."""
        return self._download(absolute(self.config, url), output_path, progress, signed=True)

    def _download(
        self, url: str, output_path: str | Path, progress: Progress | None, *, signed: bool
    ) -> Path:
        headers = download_headers(self.config, signed=signed)
        with Arrival(output_path, progress) as arrival:
            self._retrying(lambda: self._fetch_once(url, headers, arrival))
        return arrival.path

    def _retrying(self, act: Callable[[], T]) -> T:
        for attempt in count():
            try:
                return act()
            except StackroomError as error:
                pause = pause_before_retry(
                    error,
                    attempt=attempt,
                    max_retries=self.config.max_retries,
                    chance=self.clock.chance(),
                )
                if pause is None:
                    raise
            self.clock.sleep(pause)
        raise AssertionError("counting never ends")

    def _exchange(self, request: httpx.Request) -> httpx.Response:
        with network_errors():
            response = self._http.send(request)
        check(response, now=self.clock.now())
        return response

    def _put_once(self, url: str, image: LocalImage, progress: Progress | None) -> None:
        # Opened here and not in a thread: a task that is cancelled in between would leave the file open.
        with open_to_read(image.path) as file, network_errors():
            response = self._http.put(
                url,
                content=self._pieces(file, image.size, progress),
                headers=upload_headers(image),
                timeout=long_timeout(self.config),
            )
        check(response, now=self.clock.now())

    def _post_once(
        self,
        url: str,
        headers: Mapping[str, str],
        form: Form,
        file: LocalImage,
        progress: Progress | None,
    ) -> httpx.Response:
        with open_to_read(file.path) as opened, network_errors():
            response = self._http.post(
                url,
                content=self._within(form, opened, file.size, progress),
                headers=headers,
                timeout=long_timeout(self.config),
            )
        check(response, now=self.clock.now())
        return response

    def _within(self, form: Form, file: IO[bytes], size: int, progress: Progress | None) -> Iterator[bytes]:
        yield form.head
        for piece in self._pieces(file, size, progress):
            yield piece
        yield form.tail

    def _pieces(self, file: IO[bytes], size: int, progress: Progress | None) -> Iterator[bytes]:
        sent = 0
        while sent < size:
            piece = in_thread(next_piece, file, size - sent)
            yield piece
            sent += len(piece)
            if progress is not None:
                progress(sent, size)

    def _fetch_once(self, url: str, headers: Mapping[str, str], arrival: Arrival) -> None:
        wanted = dict(headers) | arrival.resume_headers()
        with network_errors():
            with self._http.stream("GET", url, headers=wanted, timeout=long_timeout(self.config)) as response:
                if not response.is_success:
                    response.read()
                if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                    arrival.forget()
                    raise NetworkError("The file has changed while it was downloaded.")
                check(response, now=self.clock.now())
                arrival.begin(response.status_code, dict(response.headers))
                for piece in response.iter_bytes():
                    arrival.write(piece)
        arrival.end()
