"""What a key may spend: nothing costs anything here, and clients ask to see whether their key is valid."""

from stackroom.web.pictograph.wire.base import Given


class Balance(Given, frozen=True, kw_only=True):
    included_allowance_micro_usd: int = 0
    included_remaining_micro_usd: int = 0
    period_spend_micro_usd: int = 0
    period_overage_micro_usd: int = 0
    budget_micro_usd: int = 0
    budget_remaining_micro_usd: int = 0
