"""Clients of S3 buckets, ours and others'."""

from datetime import timedelta
from typing import TYPE_CHECKING

from obstore.store import S3Store

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config  # both are there for type checkers only

CONNECT_SECONDS = 10.0


def client_of(
    bucket: str,
    *,
    prefix: str = "",
    endpoint: str = "",
    region: str = "",
    seconds: float,
    read_seconds: float | None = None,
    retries: int,
) -> S3Store:
    """A client of one bucket at an endpoint, or else in a region of AWS. Credentials are the process's own, found as
    every client of AWS finds them: the environment, or the machine's role. Raises `ValueError` or obstore's own errors
    for what cannot be one.

    An answer, with all its bytes, may take `seconds`, and each part of it `read_seconds`.
    """
    config: S3Config = {"region": region} if region else {}
    if endpoint:
        config["endpoint"] = endpoint
    options: ClientConfig = {
        "allow_http": endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        "timeout": timedelta(seconds=seconds),
    }
    if read_seconds is not None:
        options["read_timeout"] = timedelta(seconds=read_seconds)
    return S3Store(
        bucket,
        prefix=prefix or None,
        config=config,
        client_options=options,
        retry_config={"max_retries": retries, "retry_timeout": timedelta(seconds=CONNECT_SECONDS * retries)},
    )
