"""How a customer's origins are reached."""

from msgspec import UNSET, UnsetType, field

from stackroom.web.dlcs.wire.base import Asked, Given


class CustomerOriginStrategy(Given, frozen=True, kw_only=True):
    """Credentials are told to nobody: they are `xxx`, also where there are none."""

    context: str = field(name="@context")
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:CustomerOriginStrategy")
    id: str
    regex: str
    strategy: str
    credentials: str
    optimised: bool
    order: int


class StrategyBody(Asked, frozen=True, kw_only=True):
    regex: str | UnsetType = UNSET
    strategy: str | UnsetType = UNSET
    credentials: str | dict[str, str] | UnsetType = UNSET
    optimised: bool | UnsetType = UNSET
    order: int | UnsetType = UNSET
