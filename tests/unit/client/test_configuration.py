"""What a client needs to know, and how it introduces itself."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

import stackroom
from stackroom import AsyncClient, AuthError, Client, ConfigurationError
from stackroom.client.config import Config, read_config

from .fake_server import FakeServer


def test_without_a_key_nothing_is_sent(make_client: Callable[..., Any], server: FakeServer) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make_client(api_key=None)
    assert "STACKROOM_API_KEY" in str(caught.value)
    assert server.requests == []


def test_a_blank_key_is_no_key() -> None:
    with pytest.raises(ConfigurationError):
        read_config("  ", environment={"STACKROOM_API_KEY": " "})


def test_arguments_win_over_the_environment_and_that_over_the_defaults() -> None:
    environment = {
        "STACKROOM_API_KEY": " from-env ",
        "STACKROOM_BASE_URL": "https://env.example/prefix/",
        "STACKROOM_TIMEOUT": "2.5",
        "STACKROOM_MAX_RETRIES": "0",
    }
    assert read_config("mine", "http://mine.example", 1, 7, environment=environment) == Config(
        api_key="mine", base_url="http://mine.example", timeout=1, max_retries=7
    )
    assert read_config(environment=environment) == Config(
        api_key="from-env", base_url="https://env.example/prefix", timeout=2.5, max_retries=0
    )
    assert read_config("mine", environment={}) == Config(
        api_key="mine", base_url="http://127.0.0.1:8000", timeout=30, max_retries=3
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"api_key": "line\nbreak"},
        {"api_key": "schlüssel"},
        {"base_url": "stackroom.example"},
        {"base_url": "ftp://stackroom.example"},
        {"base_url": "http://stackroom.example:80a"},
        {"base_url": "http://[::1"},
        {"base_url": "http://xn--/"},
        {"base_url": "http://stackroom.example?place=/media"},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"max_retries": -1},
        {"max_retries": 1.5},
    ],
)
def test_a_setting_that_cannot_work_is_refused_with_a_hint(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Client(**{"api_key": "secret", **settings})
    assert caught.value.fix


def test_the_key_shows_in_no_repr() -> None:
    with Client("secret") as client:
        assert "secret" not in repr(client) + repr(read_config("secret"))


def test_a_request_carries_the_key_and_names_the_client(client: Any, server: FakeServer) -> None:
    server.dataset("depot")
    client.projects.get("depot")
    headers = server.requests[0].headers
    side = "-async" if hasattr(client, "target") else ""
    assert headers["X-API-Key"] == "secret"
    assert headers["User-Agent"] == f"stackroom-python{side}/{stackroom.__version__}"
    assert headers["Accept"] == "application/json"
    assert "Idempotency-Key" not in headers


def test_a_base_url_with_a_path_is_put_before_every_path(
    make_client: Callable[..., Any], server: FakeServer
) -> None:
    server.script.append(httpx.Response(200, json={"projects": []}))
    make_client(base_url="http://proxy.test/stackroom/").projects.list()
    assert str(server.requests[0].url).startswith("http://proxy.test/stackroom/api/v1/developer/projects/?")


def test_a_client_closes_with_its_block(make_client: Callable[..., Any], server: FakeServer) -> None:
    client = make_client()
    if hasattr(client, "target"):
        client.driven(client.target.__aexit__(None, None, None))
    else:
        with client:
            pass
    with pytest.raises(RuntimeError, match="closed"):
        client.projects.list()
    assert server.requests == []


def test_a_wrong_key_is_told_what_to_check(make_client: Callable[..., Any]) -> None:
    with pytest.raises(AuthError) as caught:
        make_client("wrong").projects.list()
    assert caught.value.status_code == 401
    assert "STACKROOM_API_KEY" in str(caught.value)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "gopher://127.0.0.1:1"),
        ("HTTPS_PROXY", "proxy.example:port"),
        ("NO_PROXY", "[::1]"),
        ("SSL_CERT_FILE", "/nowhere/certificates.pem"),
    ],
)
def test_a_proxy_or_certificate_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, kind: type[Client | AsyncClient], variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match="that the environment names cannot be used"):
        kind("secret", base_url="https://media.example")
