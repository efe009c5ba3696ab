"""Reviews and splits, between the library's words and Pictograph's."""

import msgspec

from stackroom import ids
from stackroom.library.assets import Asset
from stackroom.library.reviews import Verdict
from stackroom.library.splits import Division, Shares
from stackroom.operations.journal import Operation
from stackroom.operations.request import Changes, Request, Verb, select_ids
from stackroom.web.pictograph.wire import reviews as wire


def verdict(asked: wire.Review) -> Verdict:
    return Verdict(asked.action)


def reviewed(found: Asset) -> wire.ReviewAnswer:
    data = wire.Reviewed(id=ids.text(found.uuid), status=found.status, review_note=found.review_note)
    return wire.ReviewAnswer(**msgspec.structs.asdict(data), data=data)


def set_split(found: Asset, split: str | None) -> Request:
    selection = select_ids([ids.text(found.uuid)], dataset_id=found.dataset_id)
    return Request(verb=Verb.UPDATE, selection=selection, changes=Changes(split=split), single=True)


def split_set(found: Asset, split: str | None, done: Operation) -> wire.SplitAnswer:
    data = wire.SplitSet(id=ids.text(found.uuid), split=split, operation_id=ids.text(done.uuid))
    return wire.SplitAnswer(**msgspec.structs.asdict(data), data=data)


def shares(asked: wire.Division) -> Shares:
    return Shares(train=asked.train, val=asked.val, test=asked.test)


def divided(done: Division) -> wire.DividedAnswer:
    data = wire.Divided(processed=done.total, train=done.train, val=done.val, test=done.test)
    return wire.DividedAnswer(**msgspec.structs.asdict(data), data=data)
