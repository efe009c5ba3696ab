"""What is stored, and what was asked, in the words of the protocol."""

from stackroom.web.mindia.wire.base import Given


class Amount(Given, frozen=True, kw_only=True):
    count: int
    bytes: int


class Storage(Given, frozen=True, kw_only=True):
    total_files: int
    total_storage_bytes: int
    image_count: int
    image_bytes: int
    video_count: int
    video_bytes: int
    audio_count: int
    audio_bytes: int
    document_count: int
    document_bytes: int
    by_content_type: dict[str, Amount]


class Url(Given, frozen=True, kw_only=True):
    path: str
    request_count: int
    total_bytes_sent: int
    total_bytes_received: int
    avg_response_time_ms: float
    min_duration_ms: int
    max_duration_ms: int
    status_2xx: int
    status_3xx: int
    status_4xx: int
    status_5xx: int


class Traffic(Given, frozen=True, kw_only=True):
    total_requests: int
    total_bytes_sent: int
    total_bytes_received: int
    avg_response_time_ms: float
    requests_per_method: dict[str, int]
    requests_per_status: dict[str, int]
    popular_urls: list[Url]


class Refreshed(Given, frozen=True, kw_only=True):
    message: str
