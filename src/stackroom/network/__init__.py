"""Going outside: to addresses that others name, such as origins and webhooks, and so with care.

addresses  which addresses a request may go to
outbound   an httpx transport that goes nowhere else

It imports nothing of ours, so that whatever leads outside can stand on it.
"""
