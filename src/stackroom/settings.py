"""How a library is set up: `STACKROOM_*` variables, overridden by flags, checked before it is opened."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

import msgspec

from stackroom.errors import Invalid
from stackroom.network.addresses import AllowList

PREFIX = "STACKROOM_"
MEBIBYTE = 2**20


class Bucket(msgspec.Struct, frozen=True):
    """Where in S3 bytes are kept: all keys begin with `prefix`. Without an endpoint it is AWS itself; without a region,
    that of the environment."""

    name: str
    prefix: str
    endpoint: str
    region: str


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that can be set. Each field is a flag, `--field-name`, and a variable, `STACKROOM_FIELD_NAME`."""

    data_dir: Path = Path("data")
    """Where the library is: its database and its files, unless the URLs below say otherwise."""
    host: str = "127.0.0.1"
    port: int = 8000
    database_url: str = ""
    """`postgresql://user:password@host/name`; empty means a SQLite file in the data directory."""
    storage_url: str = ""
    """`file:///path` or `s3://bucket/prefix?endpoint=https://host&region=name`; empty means a folder in the data
    directory."""
    storage_cache_gb: int = 10
    """How much of what is stored in a bucket is kept on this machine as well, for tools that need files."""
    public_url: str = ""
    """How clients reach this server, such as https://media.example.org; empty means as each request did."""
    max_upload_mb: int = 50
    max_megapixels: int = 1000
    """Of what is decoded line by line; what must be held whole is bounded by `examined.MAX_PIXELS` besides."""
    iiif_max_megapixels: int = 36
    """The largest picture that is rendered in answer to one request."""
    pyramid_megapixels: int = 50
    """From this size on an image gets its pyramid on arrival; a smaller one when somebody zooms in on it."""
    pixel_processes: int = 0
    """Processes that decode images; 0 means one for each core, and as many as there are workers."""
    workers: int | None = None
    """How many take arrivals in; None means one for each core, and 0 leaves it to other servers."""
    max_running_per_organization: int = 0
    """How many arrivals of one organization are on their way at once, at all servers together; 0 is no limit."""
    batches_kept_days: int = 0
    """After how many days finished batches are forgotten; 0 is never."""
    max_origin_mb: int = 1024
    origin_seconds: int = 300
    origin_allow: str = ""
    """Hosts and networks that may be asked though they are private: `127.0.0.1:9000;10.0.0.0/8;files.example`."""
    origin_roots: str = ""
    """Folders of this machine from which files may be taken: `/srv/scans;/mnt/archive`."""
    origin_rewrites: str = ""
    """What is taken from a folder instead of the network: `https://host/prefix/=/srv/mirror/;…`."""
    origin_buckets: str = ""
    """S3 buckets that may be read with the server's own credentials: `scans;masters`; `*` is every one."""
    webhook_allow: str = ""
    """Hosts and networks to which events may be delivered though they are private, written as `origin_allow` is."""
    webhook_attempts: int = 72
    """How often a delivery is tried before it, and maybe its webhook, is given up."""
    webhook_minute: float = 60.0
    """How many seconds a minute has between attempts: 1, 5, 10, 30 and then 60 of them."""
    events_kept_days: int = 0
    """After how many days events are forgotten; 0 is never."""
    requests_kept_days: int = 30
    deliveries_kept_days: int = 30
    s3_endpoint: str = ""
    s3_region: str = ""
    max_batch: int = 250
    """Images in one POST to a queue of the DLCS protocol."""
    completed_includes_errors: bool = False
    """Whether `completed`, as the DLCS protocol shows it, counts what failed as well."""
    hide_customers: bool = False
    """Whether only a key lists customers, its own; in the DLCS protocol anybody lists all, as numbers."""
    storage_policy_images: int = 0
    storage_policy_bytes: int = 0
    """What each organization may store by the DLCS protocol; 0 is no limit."""
    environment: str = "development"
    """`production` keeps from clients what only developers need, and lets no origin in that is not named."""
    trusted_proxies: int = 0
    """How many proxies stand before this server, whose X-Forwarded-For says where requests come from."""
    requests_per_minute: int = 100
    """Of one address, by the Mindia protocol; 0 is no limit."""
    organization_requests_per_minute: int = 200
    failed_logins: int = 10
    """Keys that are none, from one address in 15 minutes, by the Mindia protocol; 0 is no limit."""
    request_seconds: int = 60
    """How long the body of a request may take to arrive, by the Mindia protocol; files may take longer."""
    cors_origins: str = ""
    """Whose pages may call the Mindia protocol: `https://a.example;https://b.example`, or `*`. Empty means everybody's,
    and in production nobody's."""
    image_upload_mb: int = 10
    video_upload_mb: int = 500
    audio_upload_mb: int = 100
    document_upload_mb: int = 50
    """The largest files taken by the Mindia protocol."""
    expire_uploads: bool = False
    """Whether what is uploaded by the Mindia protocol goes after a day unless it says that it stays."""
    keep_exif: bool = False
    """Whether pictures uploaded by the Mindia protocol keep what their camera said of them."""
    embedder: str = "builtin"
    """What makes vectors of what assets are about, to search by: `builtin`, `none`, or `module:name` of another."""
    url_upload_allow: str = ""
    """Domains from which pictures may be uploaded by their address: `a.example;b.example`; empty is every one."""

    transcoders: int = 0
    """How many videos are made ready for players at once; 0 means one for every four cores, and at least one."""
    hls_variants: str = ""
    """In which sizes videos are offered: `360p;720p`; empty is all of them."""
    hls_segment_seconds: int = 6
    hls_preset: str = "fast"
    """How much care x264 takes: `ultrafast` to `veryslow`."""
    ffmpeg: str = ""
    """The FFmpeg that is used, instead of the one that was installed with this server."""

    @property
    def production(self) -> bool:
        return self.environment.lower() in {"production", "prod"}

    @property
    def callers(self) -> tuple[str, ...]:
        """The origins whose pages may call."""
        return tuple(_entries(self.cors_origins)) or (() if self.production else ("*",))

    @property
    def database(self) -> str:
        # Quoted: of a path with `?` or `%` in it the URL would say another place.
        return self.database_url or f"sqlite:///{quote(str(self.data_dir.absolute() / 'library.db'))}"

    @property
    def bucket(self) -> Bucket | None:
        """The bucket in which bytes are stored, if they are stored in one."""
        parts = _split(self.storage_url)
        if parts.scheme != "s3":
            return None
        said = dict(parse_qsl(parts.query, keep_blank_values=True))
        endpoint, region = said.get("endpoint", self.s3_endpoint), said.get("region", self.s3_region)
        return Bucket(parts.netloc, parts.path.strip("/"), endpoint, region)

    @property
    def storage_dir(self) -> Path:
        """The folder in which bytes are stored, if it is one; beside it they arrive in either case."""
        if self.storage_url and self.bucket is None:
            return Path(unquote(urlsplit(self.storage_url).path))
        return self.data_dir.absolute() / "storage"

    @property
    def staging_dir(self) -> Path:
        # Beside the store, on its file system: bytes are linked into place, never copied.
        return self.storage_dir.parent / (self.storage_dir.name + ".staging")

    @property
    def worker_staging_dir(self) -> Path:
        return self.storage_dir.parent / (self.storage_dir.name + ".worker-staging")

    @property
    def copies_dir(self) -> Path:
        """Where files that come from a bucket are kept."""
        return self.storage_dir.parent / (self.storage_dir.name + ".copies")

    @property
    def most_copied_bytes(self) -> int:
        return self.storage_cache_gb * 1024 * MEBIBYTE

    @property
    def takers(self) -> int:
        """How many workers take arrivals in."""
        return (os.cpu_count() or 1) if self.workers is None else self.workers

    @property
    def slots(self) -> int:
        """How many arrivals are on their way at once. While one is decoded, another is fetched or stored: so that a
        worker need not wait for the disk or the network, it has two."""
        return 2 * self.takers

    @property
    def decoders(self) -> int:
        """How many processes decode images."""
        return self.pixel_processes or max(self.takers, os.cpu_count() or 1)

    @property
    def transcodings(self) -> int:
        """How many videos are made ready for players at once."""
        return self.transcoders or max(1, (os.cpu_count() or 1) // 4)

    @property
    def variants(self) -> tuple[str, ...]:
        """In which sizes videos are offered; none named is all."""
        return tuple(_entries(self.hls_variants))

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb * MEBIBYTE

    @property
    def upload_limits(self) -> dict[str, int]:
        """How many bytes a file of each kind may have, by the Mindia protocol."""
        megabytes = {
            "image": self.image_upload_mb,
            "video": self.video_upload_mb,
            "audio": self.audio_upload_mb,
            "document": self.document_upload_mb,
        }
        return {kind: each * MEBIBYTE for kind, each in megabytes.items()}

    @property
    def upload_domains(self) -> tuple[str, ...]:
        return tuple(each.lower().strip(".") for each in _entries(self.url_upload_allow))

    @property
    def max_origin_bytes(self) -> int:
        return self.max_origin_mb * MEBIBYTE

    @property
    def allowed_origins(self) -> AllowList:
        return AllowList.parse(self.origin_allow)

    @property
    def allowed_receivers(self) -> AllowList:
        return AllowList.parse(self.webhook_allow)

    @property
    def root_folders(self) -> tuple[Path, ...]:
        """Of origins, without those that rewritten ones are in."""
        return tuple(Path(entry) for entry in _entries(self.origin_roots))

    @property
    def rewrites(self) -> tuple[tuple[str, Path], ...]:
        """The beginning of a URL, and the folder that stands for it."""
        parts = (entry.partition("=/") for entry in _entries(self.origin_rewrites))
        return tuple((prefix.strip(), Path("/" + folder)) for prefix, _, folder in parts)

    @property
    def buckets(self) -> frozenset[str]:
        return frozenset(_entries(self.origin_buckets))


def load(flags: Mapping[str, object | None], environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from flags (None means not given), then variables, then defaults.

    Raises `Invalid` (`bad_setting`), naming the setting and what it must be.
    """
    environment = os.environ if environment is None else environment
    given: dict[str, object] = {}
    for name in Settings.__struct_fields__:
        flag, variable = flags.get(name), environment.get(PREFIX + name.upper())
        if flag is not None:
            given[name] = str(flag)
        elif variable:
            given[name] = variable
    try:
        settings = msgspec.convert(given, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise _refused(str(error)) from error
    for problem in _problems(settings):
        raise _refused(problem)
    return settings


def _path(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value)).expanduser()
    raise NotImplementedError(kind)


_LEAST = {
    1: (
        "max_upload_mb",
        "max_megapixels",
        "iiif_max_megapixels",
        "pyramid_megapixels",
        "max_batch",
        "max_origin_mb",
        "webhook_attempts",
        "hls_segment_seconds",
        "origin_seconds",
        "request_seconds",
        "image_upload_mb",
        "video_upload_mb",
        "audio_upload_mb",
        "document_upload_mb",
        "storage_cache_gb",
    ),
    0: (
        "pixel_processes",
        "workers",
        "transcoders",
        "max_running_per_organization",
        "batches_kept_days",
        "events_kept_days",
        "requests_kept_days",
        "deliveries_kept_days",
        "storage_policy_images",
        "storage_policy_bytes",
        "trusted_proxies",
        "requests_per_minute",
        "organization_requests_per_minute",
        "failed_logins",
    ),
}


_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@A-Z]+")
_MOST = 2**31 - 1
"""No clock and no table takes numbers of any size."""
_PROCESSES = ("pixel_processes", "workers", "transcoders")
_MOST_PROCESSES = 1024
"""No machine has room for more, and a number mistyped would take all of its memory before anything is said."""
_MOST_DAYS = 36_500
"""A moment further back than the databases can count would stop whoever forgets."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9_=-]+(?:/[A-Za-z0-9_=-]+)*")
_VARIANTS = ("360p", "480p", "720p", "1080p")
_PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")


def _problems(settings: Settings) -> Iterator[str]:
    public = _split(settings.public_url)
    yield from _problems_with_numbers(settings)
    yield from _problems_with_storage(settings)
    if settings.public_url and (not _of_the_web(public) or public.query or public.fragment):
        yield f"public_url {settings.public_url!r} must be http(s)://host[:port][/path]"
    if settings.database_url and not settings.database_url.startswith(("postgresql://", "sqlite:///")):
        yield "database_url must be postgresql://… or sqlite:///…"
    yield from _problems_with_videos(settings)
    yield from _problems_with_callers(settings)
    yield from _problems_with_origins(settings)


def _problems_with_storage(settings: Settings) -> Iterator[str]:
    storage, bucket = _split(settings.storage_url), settings.bucket
    # With a host `file://srv/media` would be the folder /media.
    here = storage.scheme == "file" and storage.netloc in {"", "localhost"} and storage.path.startswith("/")
    if bucket is None:
        if settings.storage_url and not here:
            yield f"storage_url {settings.storage_url!r} must be file:///path or s3://bucket/prefix"
        elif storage.query or storage.fragment:
            yield f"storage_url {settings.storage_url!r}: write `?` as %3F and `#` as %23"
        return
    said = {name for name, _ in parse_qsl(storage.query, keep_blank_values=True)}
    if not _BUCKET.fullmatch(bucket.name):
        yield f"storage_url: {bucket.name!r} cannot be the name of a bucket"
    if bucket.prefix and not _PREFIX.fullmatch(bucket.prefix):
        yield f"storage_url: {bucket.prefix!r} must be letters, digits, `_`, `-` and `=`, between slashes"
    if not said <= {"endpoint", "region"} or storage.fragment:
        yield "storage_url: after the `?` there may be endpoint=https://host and region=name"
    if bucket.endpoint and not _of_the_web(_split(bucket.endpoint)):
        yield f"storage_url: the endpoint {bucket.endpoint!r} must be http(s)://host[:port]"


def _problems_with_numbers(settings: Settings) -> Iterator[str]:
    if not 0 <= settings.port <= 65535:
        yield f"port {settings.port} is not between 0 and 65535"
    for least, names in _LEAST.items():
        for name in names:
            value = getattr(settings, name)
            if value is not None and value < least:
                yield f"{name} must be at least 1" if least else f"{name} cannot be negative"
            if name.endswith("_days") and value > _MOST_DAYS:
                yield f"{name} cannot be more than {_MOST_DAYS}; 0 is never"
            if name in _PROCESSES and (value or 0) > _MOST_PROCESSES:
                yield f"{name} cannot be more than {_MOST_PROCESSES}"
            if value is not None and name != "storage_policy_bytes" and value > _MOST:
                yield f"{name} cannot be more than {_MOST}"
    if not 0 < settings.webhook_minute < 3600:
        yield "webhook_minute must be more than 0 seconds, and less than an hour"


def _problems_with_videos(settings: Settings) -> Iterator[str]:
    if settings.ffmpeg and not (Path(settings.ffmpeg).is_file() and os.access(settings.ffmpeg, os.X_OK)):
        yield f"ffmpeg: {settings.ffmpeg!r} is no program that can be run"
    if settings.hls_preset not in _PRESETS:
        yield f"hls_preset must be one of {', '.join(_PRESETS)}"
    for name in settings.variants:
        if name not in _VARIANTS:
            yield f"hls_variants: {name!r} is none of {', '.join(_VARIANTS)}"


def _problems_with_callers(settings: Settings) -> Iterator[str]:
    """What is compared word for word would never be met if it were spelled otherwise."""
    if settings.production and "*" in settings.callers:
        yield "cors_origins: name the origins; in production `*` is not taken"
    for caller in settings.callers:
        if caller not in {"*", "null"} and not _ORIGIN.fullmatch(caller):
            yield f"cors_origins: {caller!r} must be scheme://host[:port], without a path and in small letters"
    for domain in settings.upload_domains:
        if set(domain) & set("/:* "):
            yield f"url_upload_allow: {domain!r} must be a domain alone, such as images.example"


def _problems_with_origins(settings: Settings) -> Iterator[str]:
    for name in ("origin_allow", "webhook_allow"):
        try:
            AllowList.parse(getattr(settings, name))
        except ValueError as error:
            yield f"{name}: {error}"
    for root in settings.root_folders:
        if not root.is_absolute() or ".." in root.parts:
            yield f"origin_roots: {str(root)!r} must be an absolute path"
    for entry, (prefix, folder) in zip(_entries(settings.origin_rewrites), settings.rewrites, strict=True):
        parts = _split(prefix)
        of_the_web = _of_the_web(parts) and not parts.query and not parts.fragment
        if "=/" not in entry or not of_the_web or not prefix.endswith("/") or ".." in folder.parts:
            yield f"origin_rewrites: {entry!r} must be http(s)://host/prefix/=/folder/"
    if settings.s3_endpoint and not _of_the_web(_split(settings.s3_endpoint)):
        yield f"s3_endpoint {settings.s3_endpoint!r} must be http(s)://host[:port]"


def _split(url: str) -> SplitResult:
    """The parts of a URL; of one that is none, nothing."""
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:  # no port, or a bad address between brackets
        return urlsplit("")
    return parts


def _of_the_web(parts: SplitResult) -> bool:
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(";") if entry.strip()]


def _refused(problem: str) -> Invalid:
    return Invalid(f"settings: {problem}", code="bad_setting", hint="See `stackroom serve --help`.")
