"""`stackroom serve`: one process that keeps a library and answers for it."""

import asyncio
import gc
import json
import resource
import signal
import socket
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from stackroom.cli.exits import ExitCode, Refused
from stackroom.cli.options import Library, StorageUrl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import uvicorn

    from stackroom.database.transaction import Connection
    from stackroom.library.organizations import NewKey
    from stackroom.settings import Settings
    from stackroom.web.shared.services import Services

EXAMPLE = """stackroom serve

stackroom serve --data-dir /srv/media --host 0.0.0.0 --port 8080 --public-url https://media.example.org"""

_OPEN_FILES = 65_536
_DRAIN_SECONDS = 8  # less than the ten seconds after which most supervisors kill
_NETWORK = "How it is reached"
_LIMITS = "Limits"
_ORIGINS = "Where originals may be fetched from"
_WEBHOOKS = "What happened, and who is told of it"
_VIDEOS = "How videos are made ready for players"
_DLCS = "The DLCS protocol"
_MINDIA = "The Mindia protocol"
_PUBLIC = "How clients reach this server, such as https://media.example.org. Default: as each request did"


def _flag(variable: str, text: str, panel: str) -> typer.models.OptionInfo:
    found = typer.Option(envvar=f"STACKROOM_{variable}", help=text, rich_help_panel=panel, show_default=False)
    assert isinstance(found, typer.models.OptionInfo)
    return found


class OfWorkers(Library, frozen=True, kw_only=True):
    """What whoever takes arrivals in must know, as flags."""

    storage_url: StorageUrl = None
    storage_cache_gb: Annotated[
        int | None,
        _flag("STORAGE_CACHE_GB", "How much of a bucket is kept here as files, in GB. Default: 10", _LIMITS),
    ] = None
    max_megapixels: Annotated[
        int | None, _flag("MAX_MEGAPIXELS", "Largest image decoded, in megapixels. Default: 1000", _LIMITS)
    ] = None
    pyramid_megapixels: Annotated[
        int | None,
        _flag(
            "PYRAMID_MEGAPIXELS",
            "Prepare zooming on arrival from this size on, in megapixels. Default: 50",
            _LIMITS,
        ),
    ] = None
    pixel_processes: Annotated[
        int | None,
        _flag("PIXEL_PROCESSES", "Processes that decode images. Default: one for each core", _LIMITS),
    ] = None
    workers: Annotated[
        int | None,
        _flag(
            "WORKERS", "Workers that fetch what is ingested; 0 is none. Default: one for each core", _LIMITS
        ),
    ] = None
    max_running_per_organization: Annotated[
        int | None,
        _flag(
            "MAX_RUNNING_PER_ORGANIZATION",
            "Ingested items of one organization at once. Default: any number",
            _LIMITS,
        ),
    ] = None
    embedder: Annotated[
        str | None,
        _flag(
            "EMBEDDER",
            "Makes the vectors for search by meaning: builtin, none or module:name. Default: builtin",
            _MINDIA,
        ),
    ] = None
    max_origin_mb: Annotated[
        int | None, _flag("MAX_ORIGIN_MB", "Largest original fetched, in MB. Default: 1024", _LIMITS)
    ] = None
    origin_seconds: Annotated[
        int | None, _flag("ORIGIN_SECONDS", "Seconds that fetching one may take. Default: 300", _LIMITS)
    ] = None
    origin_allow: Annotated[
        str | None, _flag("ORIGIN_ALLOW", "Private hosts and networks, such as 10.0.0.0/8;nas:9000", _ORIGINS)
    ] = None
    webhook_allow: Annotated[
        str | None, _flag("WEBHOOK_ALLOW", "Private hosts and networks that webhooks may call", _WEBHOOKS)
    ] = None
    webhook_attempts: Annotated[
        int | None, _flag("WEBHOOK_ATTEMPTS", "How often a delivery is tried. Default: 72", _WEBHOOKS)
    ] = None
    webhook_minute: Annotated[
        float | None,
        _flag("WEBHOOK_MINUTE", "Seconds in a minute between attempts, for tests. Default: 60", _WEBHOOKS),
    ] = None
    events_kept_days: Annotated[
        int | None, _flag("EVENTS_KEPT_DAYS", "Days that events are kept. Default: for ever", _WEBHOOKS)
    ] = None
    requests_kept_days: Annotated[
        int | None, _flag("REQUESTS_KEPT_DAYS", "Days that requests are kept. Default: 30", _WEBHOOKS)
    ] = None
    deliveries_kept_days: Annotated[
        int | None, _flag("DELIVERIES_KEPT_DAYS", "Days that deliveries are kept. Default: 30", _WEBHOOKS)
    ] = None
    origin_roots: Annotated[
        str | None,
        _flag("ORIGIN_ROOTS", "Folders of this machine, such as /srv/scans;/mnt/archive", _ORIGINS),
    ] = None
    origin_rewrites: Annotated[
        str | None,
        _flag("ORIGIN_REWRITES", "Folders instead of hosts: https://host/prefix/=/folder/;...", _ORIGINS),
    ] = None
    origin_buckets: Annotated[
        str | None, _flag("ORIGIN_BUCKETS", "S3 buckets, such as scans;masters; * is every one", _ORIGINS)
    ] = None
    s3_endpoint: Annotated[
        str | None, _flag("S3_ENDPOINT", "Where the buckets are. Default: AWS", _ORIGINS)
    ] = None
    s3_region: Annotated[
        str | None, _flag("S3_REGION", "Their region. Default: as AWS_REGION says", _ORIGINS)
    ] = None
    transcoders: Annotated[
        int | None, _flag("TRANSCODERS", "Videos at once. Default: one for every four cores", _VIDEOS)
    ] = None
    hls_variants: Annotated[
        str | None, _flag("HLS_VARIANTS", "Sizes, of 360p;480p;720p;1080p. Default: all", _VIDEOS)
    ] = None
    hls_segment_seconds: Annotated[
        int | None, _flag("HLS_SEGMENT_SECONDS", "Length of a segment in seconds. Default: 6", _VIDEOS)
    ] = None
    hls_preset: Annotated[
        str | None, _flag("HLS_PRESET", "x264 preset, ultrafast to veryslow. Default: fast", _VIDEOS)
    ] = None
    ffmpeg: Annotated[str | None, _flag("FFMPEG", "Another FFmpeg than the one installed", _VIDEOS)] = None


class AllSettings(OfWorkers, frozen=True, kw_only=True):
    """Every setting, as a flag."""

    host: Annotated[str | None, _flag("HOST", "Address to listen on. Default: 127.0.0.1", _NETWORK)] = None
    port: Annotated[int | None, _flag("PORT", "Port; 0 takes any free one. Default: 8000", _NETWORK)] = None
    public_url: Annotated[str | None, _flag("PUBLIC_URL", _PUBLIC, _NETWORK)] = None
    max_upload_mb: Annotated[
        int | None, _flag("MAX_UPLOAD_MB", "Largest file taken, in MB. Default: 50", _LIMITS)
    ] = None
    iiif_max_megapixels: Annotated[
        int | None,
        _flag("IIIF_MAX_MEGAPIXELS", "Largest picture delivered, in megapixels. Default: 36", _LIMITS),
    ] = None
    batches_kept_days: Annotated[
        int | None,
        _flag("BATCHES_KEPT_DAYS", "Days that finished batches are kept. Default: for ever", _LIMITS),
    ] = None
    max_batch: Annotated[
        int | None, _flag("MAX_BATCH", "Images in one POST to a queue. Default: 250", _DLCS)
    ] = None
    completed_includes_errors: Annotated[
        bool | None, _flag("COMPLETED_INCLUDES_ERRORS", "Count what failed as completed, too", _DLCS)
    ] = None
    hide_customers: Annotated[
        bool | None, _flag("HIDE_CUSTOMERS", "Show each customer only itself in the list of customers", _DLCS)
    ] = None
    storage_policy_images: Annotated[
        int | None,
        _flag("STORAGE_POLICY_IMAGES", "Images each organization may store. Default: no limit", _DLCS),
    ] = None
    storage_policy_bytes: Annotated[
        int | None,
        _flag("STORAGE_POLICY_BYTES", "Bytes each organization may store. Default: no limit", _DLCS),
    ] = None
    environment: Annotated[
        str | None, _flag("ENVIRONMENT", "production tells clients less. Default: development", _NETWORK)
    ] = None
    trusted_proxies: Annotated[
        int | None, _flag("TRUSTED_PROXIES", "Proxies whose X-Forwarded-For counts. Default: 0", _NETWORK)
    ] = None
    requests_per_minute: Annotated[
        int | None, _flag("REQUESTS_PER_MINUTE", "From one address; 0 is no limit. Default: 100", _MINDIA)
    ] = None
    organization_requests_per_minute: Annotated[
        int | None,
        _flag(
            "ORGANIZATION_REQUESTS_PER_MINUTE", "From one organization; 0 is no limit. Default: 200", _MINDIA
        ),
    ] = None
    failed_logins: Annotated[
        int | None,
        _flag(
            "FAILED_LOGINS", "Wrong keys from one address in 15 minutes; 0 is no limit. Default: 10", _MINDIA
        ),
    ] = None
    request_seconds: Annotated[
        int | None,
        _flag("REQUEST_SECONDS", "Seconds for a request body to arrive, but for files. Default: 60", _MINDIA),
    ] = None
    image_upload_mb: Annotated[
        int | None, _flag("IMAGE_UPLOAD_MB", "Largest image, in MB. Default: 10", _MINDIA)
    ] = None
    video_upload_mb: Annotated[
        int | None, _flag("VIDEO_UPLOAD_MB", "Largest video, in MB. Default: 500", _MINDIA)
    ] = None
    audio_upload_mb: Annotated[
        int | None, _flag("AUDIO_UPLOAD_MB", "Largest recording, in MB. Default: 100", _MINDIA)
    ] = None
    document_upload_mb: Annotated[
        int | None, _flag("DOCUMENT_UPLOAD_MB", "Largest document, in MB. Default: 50", _MINDIA)
    ] = None
    expire_uploads: Annotated[
        bool | None, _flag("EXPIRE_UPLOADS", "Delete uploads after a day, unless they ask to stay", _MINDIA)
    ] = None
    keep_exif: Annotated[
        bool | None, _flag("KEEP_EXIF", "Keep the EXIF data of uploaded pictures", _MINDIA)
    ] = None
    url_upload_allow: Annotated[
        str | None,
        _flag("URL_UPLOAD_ALLOW", "Domains to upload from: a.example;b.example. Default: all", _MINDIA),
    ] = None
    cors_origins: Annotated[
        str | None, _flag("CORS_ORIGINS", "Whose pages may call: https://a.example;… Default: all", _MINDIA)
    ] = None


def serve(
    *,
    flags: AllSettings,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Write the log as JSON lines.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every request.")] = False,
) -> None:
    """Run the server until it is stopped (Ctrl+C or SIGTERM). Work under way is finished first.

    The first start makes the organization "Default" with an owner key, and prints the key, once.
    """
    settings = flags.settings()
    from stackroom.cli.logs import set_up_logs

    set_up_logs(as_json=json_logs, verbose=verbose)
    allow_open_files()
    gc.disable()  # what is loaded now stays: to look for garbage in it again and again takes a sixth of a start
    try:
        with _listening(settings) as sock:
            _run(settings, sock, json_logs=json_logs)
    finally:
        gc.enable()


def allow_open_files() -> None:
    """Have as many files open as the system lets us. Most let a process have a thousand until it asks for more, and a
    client that loads slowly takes three: its connection twice, and its file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _listening(settings: "Settings") -> "Iterator[socket.socket]":
    """The server's socket. It listens before the library is open: who comes early waits."""
    where = f"{settings.host}:{settings.port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        raise Refused(
            f"cannot listen on {where}: {(error.strerror or str(error)).lower()}",
            fix="Choose another --host or --port (0 takes any free one).",
            exit_code=ExitCode.SOME_FAILED,
        ) from error
    with sock:
        _notice_who_is_gone(sock)
        yield sock


def _notice_who_is_gone(sock: socket.socket) -> None:
    """Have the other end asked whether it is there, after a minute of silence: a client whose machine or network went
    without a word would keep its connection, and the file that it was sending, for ever. Connections have it from the
    socket that accepts them."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 20), (socket.TCP_KEEPCNT, 3)):
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _run(settings: "Settings", sock: socket.socket, *, json_logs: bool) -> None:
    import uvloop

    from stackroom.errors import Conflict

    with suppress(asyncio.CancelledError), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_serve(settings, sock, json_logs=json_logs))
        except Conflict as error:
            raise Refused(error.message, fix=error.hint, exit_code=ExitCode.SOME_FAILED) from error


async def _serve(settings: "Settings", sock: socket.socket, *, json_logs: bool) -> None:
    import msgspec

    from stackroom.app import at_work, open_library
    from stackroom.control import control_file
    from stackroom.web.server import make_server

    stop = _on_signals()
    async with open_library(settings) as services, at_work(services):
        url = _url(settings, sock)
        _announce(url, await _first_key(services), as_json=json_logs)
        # All that is loaded by now stays; to look through it for garbage would stop every request for a while.
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()
        sys.setswitchinterval(
            0.001
        )  # a reader's thread waits so long for a writer's, several times in a request
        with control_file(settings, url) as token:
            app = make_server(msgspec.structs.replace(services, control_token=token))
            server = _uvicorn(app, services.pipeline.let_go)
            stop(server)
            await server.serve([sock])
            stop(None)
    announce("Stackroom has stopped.", {"event": "stopped"}, as_json=json_logs)


def _on_signals() -> "Callable[[uvicorn.Server | None], None]":
    """A signal ends this task, and while a server is handed over, it drains that; a second one hurries. What still is
    being taken in when the server is done has a moment to end, unless somebody hurries."""
    serving: list[uvicorn.Server] = []
    task = asyncio.current_task()
    assert task is not None

    def stop() -> None:
        if not serving:
            task.cancel()
        for server in serving:
            server.force_exit = server.should_exit
            server.should_exit = True

    def hand_over(server: "uvicorn.Server | None") -> None:
        if server is None and any(each.force_exit for each in serving):
            asyncio.get_running_loop().call_soon(task.cancel)
        serving[:] = [] if server is None else [server]

    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop)
    return hand_over


def _uvicorn(app: object, let_go: "Callable[[], None]") -> "uvicorn.Server":
    """`let_go` ends what requests only wait for, soon enough for them to be answered before they are cut off."""
    import uvicorn

    from stackroom.cli.heads import BoundedHeads
    from stackroom.cli.zero_copy import with_sendfile

    class Server(uvicorn.Server):
        """Leaves signals alone: uvicorn's own would kill us at its end, before the library is closed."""

        @contextmanager
        def capture_signals(self) -> "Iterator[None]":
            yield

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            asyncio.get_running_loop().call_later(_DRAIN_SECONDS / 2, let_go)
            await super().shutdown(sockets)

    return Server(
        uvicorn.Config(
            with_sendfile(app),  # type: ignore[arg-type]  # an ASGI application, which only the web folder may name
            http=BoundedHeads,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
    )


async def _first_key(services: "Services") -> "NewKey | None":
    from stackroom.access import Role
    from stackroom.library import organizations

    def make(conn: "Connection") -> "NewKey | None":
        if organizations.count_organizations(conn):
            return None
        now = services.now()
        first = organizations.create_organization(conn, "Default", now=now)
        return organizations.create_key(conn, first, role=Role.OWNER, name="first key", now=now)

    return await services.database.write(make)


def _url(settings: "Settings", sock: socket.socket) -> str:
    """Where this machine reaches the server. The port is the true one, also when the system chose it."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - nothing is bound here
    host = anywhere.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{sock.getsockname()[1]}"


_FIRST_KEY = """This is a new library. Its first organization is "{name}", and this is its owner key.
It is shown now and never again:

  export STACKROOM_API_KEY={token}
  export STACKROOM_BASE_URL={url}

and for scripts that use the pictograph package:

  export PICTOGRAPH_API_KEY={token}
  export PICTOGRAPH_BASE_URL={url}
"""


def _announce(url: str, key: "NewKey | None", *, as_json: bool) -> None:
    if key is not None:
        name = key.organization.name
        text = _FIRST_KEY.format(name=name, token=key.token, url=url)
        announce(text, {"event": "first_key", "organization": name, "api_key": key.token}, as_json=as_json)
    announce(f"Stackroom serves {url}", {"event": "serving", "url": url}, as_json=as_json)


def announce(line: str, facts: dict[str, str], *, as_json: bool) -> None:
    sys.stdout.write((json.dumps(facts) if as_json else line) + "\n")
    sys.stdout.flush()
