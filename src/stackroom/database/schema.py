"""The tables, one schema for both databases.

Conventions: `id` is the small integer the tables join by, `uuid` the sixteen bytes the outside knows; moments are
microseconds since 1970 (`clock`); documents are JSON text. Foreign keys are deferred: on SQLite an immediate one
makes every bulk UPDATE copy each page it touches a second time.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

Key = BigInteger().with_variant(Integer(), "sqlite")  # SQLite's row id must be spelled INTEGER
Moment = BigInteger
# Names sort and compare by code point in both databases, so that a range of names is a range of an index.
Name = Text().with_variant(Text(collation="C"), "postgresql")


# SQLite gives the highest number again when its row is gone. A journal names folders, datasets and operations long
# after they were removed, and must never come to name somebody else's.
NUMBERED_ONCE = {"sqlite_autoincrement": True}


def _id() -> Column[int]:
    return Column("id", Key, primary_key=True, autoincrement=True)


def _uuid() -> Column[bytes]:
    return Column("uuid", LargeBinary, nullable=False, unique=True)


def _refers(name: str, target: str, *, nullable: bool = False) -> Column[int]:
    key = ForeignKey(f"{target}.id", deferrable=True, initially="DEFERRED")
    return Column(name, Key, key, nullable=nullable)


def _of_one_asset() -> Column[int]:
    """The key of what an asset has one of, or none."""
    key = ForeignKey("asset.id", deferrable=True, initially="DEFERRED")
    return Column("asset_id", Key, key, primary_key=True, autoincrement=False)


def _table(name: str, *parts: Any, **options: Any) -> Table:
    return Table(name, metadata, *parts, **options)


organization = _table(
    "organization",
    _id(),
    _uuid(),
    Column("number", Integer, nullable=False, unique=True),
    Column("name", Name, nullable=False),
    Column("slug", Name, nullable=False, unique=True),
    Column("status", Text, nullable=False, server_default="active"),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("description", Text),
    Column("public", Boolean, nullable=False, server_default=text("false")),
    Column("display_name", Text),
    Column("administrator", Boolean, nullable=False, server_default=text("false")),
    Column("legacy", Boolean, nullable=False, server_default=text("false")),
    Column("max_running", Integer),
)

# People. A key may belong to one, and goes with them; a key of nobody is a machine's. A key that was removed keeps
# its row, because the record of what it did names it.
member = _table(
    "member",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    Column("email", Name, nullable=False),
    Column("full_name", Text),
    Column("role", SmallInteger, nullable=False),
    Column("joined_at", Moment, nullable=False),
    UniqueConstraint("organization_id", "email"),
    **NUMBERED_ONCE,
)

invite = _table(
    "invite",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    Column("email", Name, nullable=False),
    Column("role", SmallInteger, nullable=False),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("invited_by", Text),
    Column("expires_at", Moment, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("invite_of_organization", "organization_id", "id"),
)

api_key = _table(
    "api_key",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    Column("name", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("prefix", Text, nullable=False),
    Column("role", SmallInteger, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("expires_at", Moment),
    Column("last_used_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("rate_limit", Integer),
    Column("member_id", Key),
    Column("removed_at", Moment),
    Column("description", Text),
    Index("api_key_of_organization", "organization_id"),
)

dataset = _table(
    "dataset",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    Column("number", Integer, nullable=False),
    Column("name", Name, nullable=False),
    Column("description", Text),
    Column("readme", Text),
    Column("annotation_types", Text, nullable=False),
    Column("classes", Text, nullable=False),
    Column("archived_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("defaults", Text),
    UniqueConstraint("organization_id", "name"),
    UniqueConstraint("organization_id", "number"),
    **NUMBERED_ONCE,
)

# The numbers of datasets that are gone: those are given to no other.
spent_number = _table(
    "spent_number",
    Column("organization_id", Key, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# The row of a folder that is gone stays, for the journals that name it: `removed_from` is where it was, and `path`
# then is no path, so that its place is free. To delete it, SQLite would look through all assets for one in it.
folder = _table(
    "folder",
    _id(),
    _uuid(),
    _refers("dataset_id", "dataset"),
    _refers("parent_id", "folder", nullable=True),
    Column("path", Name, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment),
    Column("removed_from", Name),
    UniqueConstraint("dataset_id", "path"),
    Index("folder_children", "parent_id"),
    **NUMBERED_ONCE,
)

blob = _table(
    "blob",
    _id(),
    _refers("organization_id", "organization"),
    Column("sha256", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("storage_key", Name, nullable=False, unique=True),
    Column("created_at", Moment, nullable=False),
    Column("fingerprint", LargeBinary),
    UniqueConstraint("organization_id", "sha256"),
)

# What has still to be looked at: see `ingest.fingerprints`.
Index(
    "blob_without_fingerprint",
    blob.c.id,
    sqlite_where=blob.c.fingerprint.is_(None),
    postgresql_where=blob.c.fingerprint.is_(None),
)

# Stored bytes that no blob row owns: on their way in, or on their way out. The sweeper removes them after `due_at`.
loose_bytes = _table(
    "loose_bytes",
    Column("storage_key", Name, primary_key=True),
    Column("due_at", Moment, nullable=False),
    Index("loose_bytes_due", "due_at"),
)

# The same of all that is stored under a prefix: the renditions of a video, the pieces of an upload.
loose_prefix = _table(
    "loose_prefix",
    Column("prefix", Name, primary_key=True),
    Column("due_at", Moment, nullable=False),
    Index("loose_prefix_due", "due_at"),
)

upload = _table(
    "upload",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    _refers("dataset_id", "dataset"),
    Column("folder_path", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("content_type", Text, nullable=False),
    _refers("blob_id", "blob", nullable=True),
    Column("created_at", Moment, nullable=False),
    Column("received_at", Moment),
    Column("expires_at", Moment, nullable=False),
    Index("upload_by_place", "dataset_id", "folder_path", "name"),
    Index("upload_of_blob", "blob_id"),
    Index("upload_expiry", "expires_at"),
)

asset = _table(
    "asset",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    _refers("dataset_id", "dataset"),
    # Without a foreign key: its indexes are partial, so that for every folder which goes with its dataset either
    # database would look through all assets. The engine keeps this reference, and the doctor looks after it.
    Column("folder_id", Key, nullable=False),
    Column("name", Name, nullable=False),
    Column("original_name", Text, nullable=False),
    Column("key", Name),
    Column("kind", Text, nullable=False, server_default="image"),
    _refers("blob_id", "blob", nullable=True),
    Column("size", BigInteger, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("duration", Float),
    Column("status", Text, nullable=False, server_default="new"),
    Column("split", Text),
    Column("display_name", Text),
    Column("metadata", Text),
    Column("annotation_count", Integer, nullable=False, server_default="0"),
    Column("min_confidence", Float),
    Column("state", Text, nullable=False, server_default="finished"),
    Column("expires_at", Moment),
    Column("archived_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("review_note", Text),
    # How it came in: `job_id` is the arrival that decides what it becomes, `batch_id` the last batch it was part of.
    Column("error", Text),
    Column("ingested_at", Moment),
    Column("job_id", Key),
    Column("batch_id", Key),
    Index("asset_in_dataset", "dataset_id", "id"),
    Index("asset_of_blob", "blob_id"),
)
LIVE = asset.c.archived_at.is_(None)
ARCHIVED = asset.c.archived_at.is_not(None)


def _partial(name: str, *columns: Column[Any], where: Any, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


_partial(
    "folder_removed", folder.c.dataset_id, folder.c.removed_from, where=folder.c.removed_from.is_not(None)
)
# Only live assets hold a name. This index is also what a listing of a folder reads.
_partial("asset_name_in_folder", asset.c.folder_id, asset.c.name, where=LIVE, unique=True)
_partial("asset_archived_in_folder", asset.c.folder_id, where=ARCHIVED)
# Lists one status newest first, and answers a dataset's counts and total size from the index alone.
_partial("asset_by_status", asset.c.dataset_id, asset.c.status, asset.c.id, asset.c.size, where=LIVE)
_partial("asset_archived_in_dataset", asset.c.dataset_id, where=ARCHIVED)
_partial("asset_key_in_dataset", asset.c.dataset_id, asset.c.key, where=asset.c.key.is_not(None), unique=True)
# Lists all that an organization has of one kind, newest first, in whichever datasets it is.
_partial("asset_by_kind", asset.c.organization_id, asset.c.kind, asset.c.id, where=LIVE)
# What somebody has said something of, in their own words: what a search by those looks through.
_partial(
    "asset_described",
    asset.c.organization_id,
    asset.c.id,
    where=asset.c.metadata.is_not(None) & LIVE,
)
_partial("asset_expiry", asset.c.expires_at, where=asset.c.expires_at.is_not(None))
_partial("asset_of_batch", asset.c.batch_id, asset.c.id, where=asset.c.batch_id.is_not(None))

# What was said of an asset when it was registered with its origin. Most assets have none: it has a table of its own,
# so that bulk changes need not carry it along.
registration = _table(
    "registration",
    _of_one_asset(),
    Column("organization_id", Key, nullable=False),
    Column("dataset_id", Key, nullable=False),
    Column("origin", Text),
    Column("media_type", Text, nullable=False),
    Column("family", Text, nullable=False),
    Column("channels", Text, nullable=False),
    Column("max_unauthorised", Integer, nullable=False, server_default="-1"),
    Column("roles", Text, nullable=False, server_default="[]"),
    Column("string1", Name, nullable=False, server_default=""),
    Column("string2", Name, nullable=False, server_default=""),
    Column("string3", Name, nullable=False, server_default=""),
    Column("number1", BigInteger, nullable=False, server_default="0"),
    Column("number2", BigInteger, nullable=False, server_default="0"),
    Column("number3", BigInteger, nullable=False, server_default="0"),
)
for _name in ("string1", "string2", "string3", "number1", "number2", "number3"):
    _partial(
        f"registration_{_name}",
        registration.c.organization_id,
        registration.c[_name],
        registration.c.asset_id,
        where=text(f"{_name} <> " + ("''" if _name.startswith("string") else "0")),
    )

# What only video, sound and documents have, and how long an asset is to be kept. Most images have none of it.
# `renditions` lists what a player may choose from (JSON), `hls_prefix` is where they are kept; `processing` is
# pending, processing, completed or failed.
asset_media = _table(
    "asset_media",
    _of_one_asset(),
    Column("store_behavior", Text),
    Column("bitrate", Integer),
    Column("sample_rate", Integer),
    Column("channels", Integer),
    Column("page_count", Integer),
    Column("text", Text),
    Column("processing", Text),
    Column("processing_error", Text),
    Column("renditions", Text),
    Column("hls_prefix", Name),
)

# What an asset is about, as numbers: 32-bit floats laid end to end, of length one together. Vectors of different
# models or lengths are never compared.
embedding = _table(
    "embedding",
    _of_one_asset(),
    Column("organization_id", Key, nullable=False),
    Column("kind", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("dim", Integer, nullable=False),
    Column("description", Text, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("made_at", Moment, nullable=False),
    # Stands for all that was said of it (`embeddings.digest`). Of no numbers (`dim` 0) is what none could be made of.
    Column("said", LargeBinary),
    Index("embedding_of_organization", "organization_id", "model", "kind", "asset_id"),
)
_partial(
    "embedding_said",
    embedding.c.organization_id,
    embedding.c.model,
    embedding.c.said,
    where=embedding.c.said.is_not(None),
)
_partial(
    "embedding_failed", embedding.c.organization_id, embedding.c.asset_id, where=embedding.c.dim == text("0")
)

# What makes the vectors by now, in one row: whichever server started last has said so. Without an embedder, in none.
embedder = _table(
    "embedder",
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("model", Text, nullable=False),
    Column("dim", Integer, nullable=False),
    Column("since", Moment, nullable=False),
)

# How far an organization's last round has come, which gives vectors to the assets that have none; `again`: to all. It
# goes by kinds, and in each by row ids. `number` is raised by whatever has it begin anew; `job_id` is what makes it.
embedding_round = _table(
    "embedding_round",
    Column("organization_id", Key, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False, server_default="1"),
    Column("state", Text, nullable=False),
    Column("again", Boolean, nullable=False),
    Column("kind", Text, nullable=False),
    Column("after_id", Key, nullable=False),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("failed", Integer, nullable=False, server_default="0"),
    Column("job_id", Key),
    Column("error", Text),
    Column("began_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
)

asset_manifest = _table(
    "asset_manifest",
    Column("asset_id", Key, primary_key=True, autoincrement=False),
    Column("manifest", Name, primary_key=True),
    Index("asset_manifest_by_name", "manifest", "asset_id"),
    sqlite_with_rowid=False,
)

annotation = _table(
    "annotation",
    _of_one_asset(),
    Column("document", Text, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

# How often each class of a dataset stands in an asset's document. Kept with the document, so that counting and
# renaming classes need not read documents that do not mention them.
annotation_class = _table(
    "annotation_class",
    Column("asset_id", Key, primary_key=True, autoincrement=False),
    Column("name", Name, primary_key=True),
    Column("type", Text, primary_key=True),
    Column("dataset_id", Key, nullable=False),
    Column("count", Integer, nullable=False),
    Index("annotation_class_in_dataset", "dataset_id", "name", "type", "asset_id", "count"),
    sqlite_with_rowid=False,
)

annotation_comment = _table(
    "annotation_comment",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    _refers("asset_id", "asset"),
    Column("annotation_id", Text, nullable=False),
    _refers("parent_id", "annotation_comment", nullable=True),
    Column("body", Text, nullable=False),
    Column("resolved_at", Moment),
    Column("resolved_by", Text),
    Column("deleted_at", Moment),
    _refers("key_id", "api_key", nullable=True),
    Column("author", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Index("annotation_comment_of_asset", "asset_id", "id"),
    Index("annotation_comment_replies", "parent_id"),
)

comment_reaction = _table(
    "comment_reaction",
    Column("comment_id", Key, primary_key=True, autoincrement=False),
    Column("key_id", Key, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    sqlite_with_rowid=False,
)

tag = _table(
    "tag",
    _id(),
    _refers("dataset_id", "dataset"),
    Column("name", Name, nullable=False),
    UniqueConstraint("dataset_id", "name"),
    **NUMBERED_ONCE,
)

# In this order it lists the assets that have a tag, newest first.
asset_tag = _table(
    "asset_tag",
    Column("tag_id", Key, primary_key=True, autoincrement=False),
    Column("asset_id", Key, primary_key=True, autoincrement=False),
    Index("asset_tag_of_asset", "asset_id"),
    sqlite_with_rowid=False,
)

operation = _table(
    "operation",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    _refers("dataset_id", "dataset", nullable=True),
    Column("verb", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("total", Integer, nullable=False),
    Column("outcomes", Text),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    Column("undo_of", Key),
    Column("error", Text),
    _refers("key_id", "api_key", nullable=True),
    Column("actor", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Index("operation_of_organization", "organization_id", "id"),
    Index("operation_undone", "undo_of"),
    **NUMBERED_ONCE,
)
Index(
    "operation_unfinished",
    operation.c.id,
    sqlite_where=operation.c.finished_at.is_(None),
    postgresql_where=operation.c.finished_at.is_(None),
)

# The journal: one row per item of an operation. It is work table, report, audit detail and what undo reads.
# Columns named `to_…` hold what the operation sets; the others what stood there before. Its lines are in the order of
# the assets, where that is known, so that both are gone through in one direction; `position` is a place in the request.
operation_item = _table(
    "operation_item",
    Column("operation_id", Key, primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("asset_id", Key),
    Column("asset_uuid", LargeBinary),
    Column("asked", Text),
    Column("outcome", SmallInteger, nullable=False),
    Column("folder_id", Key),
    Column("name", Name),
    Column("status", Text),
    Column("display_name", Text),
    Column("split", Text),
    Column("archived_at", Moment),
    Column("version", Integer),
    Column("size", BigInteger),
    Column("to_folder_id", Key),
    Column("to_name", Name),
    Column("to_status", Text),
    Column("to_display_name", Text),
    Column("to_split", Text),
    Column("to_archived_at", Moment),
    Column("new_uuid", LargeBinary),
    Column("overwrote", LargeBinary),
    Column("position", Integer, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)

# The tags that an operation gave to its items or took from them: only those that were not there, or were, before.
operation_tag = _table(
    "operation_tag",
    Column("operation_id", Key, primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("tag_id", Key, primary_key=True, autoincrement=False),
    Column("added", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

# What a long operation has still to do: the snapshot of its selection, consumed chunk by chunk.
operation_pending = _table(
    "operation_pending",
    Column("operation_id", Key, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("asset_uuid", LargeBinary),
    sqlite_with_rowid=False,
)

# A dataset written out for others to read: made in the background, fetched as one file, removed when it is old.
dataset_export = _table(
    "dataset_export",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    _refers("dataset_id", "dataset"),
    Column("name", Name, nullable=False),
    Column("format", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("held_until", Moment),
    Column("error", Text),
    Column("storage_key", Name),
    Column("size", BigInteger),
    Column("image_count", Integer),
    Column("annotation_count", Integer),
    Column("created_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("expires_at", Moment),
    UniqueConstraint("dataset_id", "name"),
    Index("dataset_export_of_organization", "organization_id", "id"),
)

# Files that came in pieces: a session, and the pieces that are there, which are stored under its prefix.
upload_session = _table(
    "upload_session",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("filename", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("chunk_size", BigInteger, nullable=False),
    Column("chunk_count", Integer, nullable=False),
    Column("store_behavior", Text, nullable=False),
    Column("metadata", Text),
    Column("folder_id", Key),
    Column("prefix", Name, nullable=False),
    Column("asset_uuid", LargeBinary),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Index("upload_session_of_organization", "organization_id", "id"),
    Index("upload_session_expiry", "expires_at"),
)
upload_chunk = _table(
    "upload_chunk",
    Column("session_id", Key, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("storage_key", Name, nullable=False),
    sqlite_with_rowid=False,
)

# Assets that are fetched together. A member that is gone leaves its place empty.
file_group = _table(
    "file_group",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    Column("created_at", Moment, nullable=False),
    Index("file_group_of_organization", "organization_id", "id"),
)
file_group_member = _table(
    "file_group_member",
    Column("group_id", Key, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("asset_id", Key, nullable=False),
    Index("file_group_of_asset", "asset_id"),
    sqlite_with_rowid=False,
)

# Transformations of images that an organization has given a name.
preset = _table(
    "preset",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    Column("name", Name, nullable=False),
    Column("operations", Text, nullable=False),
    Column("description", Text),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("organization_id", "name"),
)

# Where events are sent. `dialect` is whose words they are told in: native, mindia or pictograph. With `per_item` a bulk
# operation is told item by item, else once. `asset_kind` narrows what is told of assets to those of one kind.
webhook_endpoint = _table(
    "webhook_endpoint",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    Column("dialect", Text, nullable=False, server_default="native"),
    Column("per_item", Boolean, nullable=False, server_default=text("false")),
    Column("asset_kind", Text),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("deactivated_at", Moment),
    Column("deactivation_reason", Text),
    Column("previous_secret", Text),
    Column("previous_secret_until", Moment),
    Column("url", Text, nullable=False),
    Column("description", Text),
    Column("event_types", Text, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("secret", Text, nullable=False),
    Column("secret_version", Integer, nullable=False, server_default="1"),
    Column("auth_headers", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Index("webhook_endpoint_of_organization", "organization_id", "id"),
)

# One event on its way to one endpoint, until it is there or has been tried often enough. `event_id` without a foreign
# key: events are forgotten by age, deliveries with them. `job_id` is what brings it.
delivery = _table(
    "delivery",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    _refers("endpoint_id", "webhook_endpoint"),
    Column("event_id", Key, nullable=False),
    Column("job_id", Key),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("status_code", Integer),
    Column("response", Text),
    Column("error", Text),
    Column("created_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("next_at", Moment),
    Column("finished_at", Moment),
    Index("delivery_of_endpoint", "endpoint_id", "id"),
    Index("delivery_of_organization", "organization_id", "id"),
)
# What has not arrived is asked for among very many that have.
_partial(
    "delivery_outstanding",
    delivery.c.organization_id,
    delivery.c.id,
    where=text("state <> 'delivered'"),
)

# The queue. A lane holds the jobs of one kind, one priority and one organization; what is said of it here is kept in
# the transactions that move its jobs, so that nobody needs to count them.
lane = _table(
    "lane",
    _id(),
    Column("kind", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    _refers("organization_id", "organization"),
    Column("ready", Boolean, nullable=False, server_default=text("false")),
    Column("unfinished", Integer, nullable=False, server_default="0"),
    Column("running", Integer, nullable=False, server_default="0"),
    Column("turn", Float(53), nullable=False, server_default="0"),
    UniqueConstraint("kind", "priority", "organization_id"),
    CheckConstraint("running >= 0 AND running <= unfinished", name="lane_adds_up"),
)

# Who takes jobs. A number is never given again: a worker that was taken for dead must not be mistaken for another.
worker = _table(
    "worker",
    _id(),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("heartbeat_at", Moment, nullable=False),
    Column("dead", Boolean, nullable=False, server_default=text("false")),
    **NUMBERED_ONCE,
)

# Arrivals that were submitted together. Its counters move in the transactions that settle its jobs.
batch = _table(
    "batch",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    Column("dataset_id", Key),
    Column("name", Text),
    Column("priority", SmallInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("completed", Integer, nullable=False, server_default="0"),
    Column("errors", Integer, nullable=False, server_default="0"),
    Column("cancelled", Integer, nullable=False, server_default="0"),
    Column("superseded", Boolean, nullable=False, server_default=text("false")),
    Column("loading", Boolean, nullable=False, server_default=text("false")),
    Column("cancel_requested", Boolean, nullable=False, server_default=text("false")),
    Column("retry_of", Key),
    _refers("key_id", "api_key", nullable=True),
    Column("created_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Index("batch_of_organization", "organization_id", "id"),
    CheckConstraint("completed + errors + cancelled <= count", name="batch_adds_up"),
    **NUMBERED_ONCE,
)
_partial("batch_unfinished", batch.c.organization_id, batch.c.id, where=batch.c.finished_at.is_(None))
_partial(
    "batch_finished", batch.c.organization_id, batch.c.finished_at, where=batch.c.finished_at.is_not(None)
)

# A job is one thing to do; a batch's items are jobs. `(worker_id, attempt)` is what a result must know to count.
job = _table(
    "job",
    _id(),
    _refers("lane_id", "lane"),
    _refers("batch_id", "batch", nullable=True),
    Column("position", Integer, nullable=False, server_default="0"),
    Column("state", SmallInteger, nullable=False, server_default="0"),
    Column("attempt", SmallInteger, nullable=False, server_default="0"),
    Column("worker_id", Key),
    Column("run_at", Moment),
    Column("asset_id", Key),
    Column("task", Text, nullable=False),
    Column("error_code", Text),
    Column("error", Text),
    Column("created_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Index("job_of_batch", "batch_id", "position"),
    **NUMBERED_ONCE,
)
# Each of these holds only what it is asked for, so that what is done costs nothing to those who look for work.
_partial("job_ready", job.c.lane_id, job.c.id, where=text("state = 0"))
_partial("job_running", job.c.worker_id, where=text("state = 1"))
_partial("job_failed", job.c.batch_id, job.c.position, where=text("state = 3"))
_partial("job_waiting", job.c.run_at, where=text("state = 5"))
# What belongs to no batch, such as transcodes, newest first.
_partial("job_by_itself", job.c.lane_id, job.c.id, where=job.c.batch_id.is_(None))
_partial("job_of_asset", job.c.asset_id, job.c.id, where=job.c.asset_id.is_not(None))

# What has been finished lately, by whom and in which ten seconds: what estimates are made from.
job_rate = _table(
    "job_rate",
    Column("worker_id", Key, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("bucket", BigInteger, primary_key=True, autoincrement=False),
    Column("finished", Integer, nullable=False),
    Column("busy", BigInteger, nullable=False),
    Index("job_rate_by_time", "kind", "bucket"),
    sqlite_with_rowid=False,
)

# How an organization's origins are reached: the first whose pattern is in an origin counts.
origin_strategy = _table(
    "origin_strategy",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    Column("regex", Text, nullable=False),
    Column("strategy", Text, nullable=False),
    Column("credentials", Text),
    Column("optimised", Boolean, nullable=False, server_default=text("false")),
    Column("position", Integer, nullable=False, server_default="0"),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Index("origin_strategy_of_organization", "organization_id", "position"),
)

# How assets of a media type are delivered unless they say so themselves; without a dataset, in the whole organization.
delivery_default = _table(
    "delivery_default",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    _refers("dataset_id", "dataset", nullable=True),
    Column("channel", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("delivery_default_of_organization", "organization_id", "dataset_id"),
    Index("delivery_default_of_dataset", "dataset_id"),
)

event = _table(
    "event",
    _id(),
    _uuid(),
    _refers("organization_id", "organization"),
    Column("type", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("dataset_id", Key),
    Column("asset_uuid", LargeBinary),
    Column("operation_id", Key),
    Column("batch_id", Key),
    Column("key_id", Key),
    Column("ip", Text),
    Column("user_agent", Text),
    Column("request_id", Text),
    Column("data", Text, nullable=False),
    # Of the request that caused it; and of one that is an event itself, what came of it.
    Column("method", Text),
    Column("path", Text),
    Column("query", Text),
    Column("status", SmallInteger),
    Column("request_bytes", BigInteger),
    Column("response_bytes", BigInteger),
    Column("duration_us", BigInteger),
    # Not yet handed to those who want to be told. Only where there was an endpoint when it happened.
    Column("untold", Boolean, nullable=False, server_default=text("false")),
    Index("event_of_asset", "asset_uuid"),
)
# Requests are rows that are mostly not asked for, and are soon forgotten: they have an index of their own.
_partial("event_of_organization", event.c.organization_id, event.c.id, where=text("type <> 'http.request'"))
_partial("event_request", event.c.organization_id, event.c.id, where=text("type = 'http.request'"))
_partial("event_untold", event.c.id, where=text("untold"))

# The first answer to every write that carried an Idempotency-Key, kept in the transaction of its effect.
answer = _table(
    "answer",
    Column("organization_id", Key, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("answer_age", "created_at"),
)

# The library's own secrets, such as the one that signs URLs: made once, the same for every process.
secret = _table(
    "secret",
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
