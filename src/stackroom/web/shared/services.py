"""What every face is handed: the opened library. Made once, by the composition root."""

import asyncio

import msgspec

from stackroom.clock import Clock
from stackroom.database.transaction import Database
from stackroom.events.requests import RequestLog
from stackroom.exports.exporter import Exporter
from stackroom.ingest.origins import Origins
from stackroom.ingest.pieces import Pieces
from stackroom.ingest.pipeline import Pipeline
from stackroom.ingest.receiving import Receiving
from stackroom.ingest.renditions import Renditions
from stackroom.ingest.uploads import Uploads
from stackroom.media.studio import Studio
from stackroom.operations.runner import Runner
from stackroom.processing.embedding import Embedding
from stackroom.queue.dispatcher import Dispatcher
from stackroom.queue.jobs import Handler
from stackroom.settings import Settings
from stackroom.storage.blobstore import BlobStore
from stackroom.storage.staging import Staging
from stackroom.web.shared.allowances import Allowances
from stackroom.web.shared.signing import Signer
from stackroom.webhooks.delivering import Deliverer
from stackroom.webhooks.telling import Teller


class Services(msgspec.Struct, frozen=True, kw_only=True):
    settings: Settings
    database: Database
    store: BlobStore
    staging: Staging
    studio: Studio
    uploads: Uploads
    runner: Runner
    exporter: Exporter
    renditions: Renditions
    origins: Origins
    pipeline: Pipeline
    pieces: Pieces
    receiving: Receiving
    embedding: Embedding
    dispatcher: Dispatcher
    """To be woken after jobs were submitted."""
    deliverer: Deliverer
    teller: Teller
    """To be woken after something was written that somebody may want to be told of."""
    indexer: Dispatcher
    """Has what media are about embedded. To be woken after such a job was submitted."""
    projector: Dispatcher
    """Makes videos ready for players. To be woken after one was submitted."""
    messenger: Dispatcher
    """Brings what is told to its receivers. To be woken after a delivery was submitted."""
    signer: Signer
    request_log: RequestLog
    allowances: Allowances = msgspec.field(default_factory=Allowances)
    noting: dict[int, asyncio.Task[None]] = msgspec.field(default_factory=dict)
    """Whose keys' first use is being noted."""
    failed_duties: dict[str, float] = msgspec.field(default_factory=dict)
    """What of the work beside the server has failed unexpectedly, and when last, by the monotonic clock."""
    sweep_soon: asyncio.Event
    """Set when bytes have become loose, so that they go at once and not at the next round."""
    now: Clock
    control_token: str = ""
    """What the owner of the data directory proves to be it with (`stackroom.control`); empty: nobody can."""

    def handler_of(self, kind: str) -> Handler:
        """Who does the jobs of a kind, whichever dispatcher has them."""
        dispatchers = (self.dispatcher, self.indexer, self.projector, self.messenger)
        return next(each.handler_of(kind) for each in dispatchers if each.does(kind))

    def wake(self) -> None:
        """Have jobs begun that were submitted, of whatever kinds, without waiting until somebody looks."""
        self.dispatcher.wake()
        self.indexer.wake()
        self.projector.wake()
