"""What the database is asked. Every question is a query for what must not be: a row for each place it is.

The queries take no parameters but `:now`, and cost one pass over the rows they are about, whatever is wrong.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Row
from sqlalchemy.exc import SQLAlchemyError

from stackroom import clock, ids
from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.transaction import Database
from stackroom.doctor.finding import Finding
from stackroom.library.vectors import COPIES, SEARCHED, SEEN
from stackroom.operations.journal import FORGOTTEN, PAUSED, RUNNING
from stackroom.operations.outcome import Outcome

_REPORT = "This cannot come from using Stackroom: please report it, with what happened before."
_SERVER = "A running server does this within a minute. If one runs, look into its log for sweep.failed."


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A promise about rows. `postgresql` is the query there, where it must be spelled differently."""

    check: str
    title: str
    query: str
    advice: str = _REPORT
    postgresql: str = ""


_ANNOTATIONS = """SELECT a.uuid AS asset, a.annotation_count AS noted, d.there
    FROM asset a LEFT JOIN (SELECT asset_id, {count} AS there FROM annotation) d ON d.asset_id = a.id
    WHERE a.annotation_count <> COALESCE(d.there, 0)"""
# What is counted, less what is there: nothing is left where both say the same.
_CLASSES = """SELECT a.uuid AS asset, c.name, c.type, sum(c.times) AS too_many
    FROM (SELECT asset_id, name, type, count AS times FROM annotation_class
        UNION ALL SELECT n.asset_id, {name}, {type}, -1 FROM annotation n CROSS JOIN {each}) c
    LEFT JOIN asset a ON a.id = c.asset_id
    GROUP BY c.asset_id, a.uuid, c.name, c.type HAVING sum(c.times) <> 0"""
_HOME = "CASE WHEN p.path = '/' THEN '/' ELSE p.path || '/' END"
_LEAF = f"substr(f.path, length({_HOME}) + 1)"

QUESTIONS = (
    Question(
        check="organizations_there",  # of those that are not, a key is left: each has at least its owner's
        title="Every key and every dataset is of an organization that is there",
        query="""SELECT x.organization_id AS organization, sum(x.keys) AS keys, sum(x.datasets) AS datasets
            FROM (SELECT organization_id, 1 AS keys, 0 AS datasets FROM api_key
                UNION ALL SELECT organization_id, 0, 1 FROM dataset) x
            LEFT JOIN organization o ON o.id = x.organization_id WHERE o.id IS NULL GROUP BY x.organization_id""",
        advice="Stackroom removes no organization: bring the database back from a backup.",
    ),
    Question(
        check="names_unique",
        title="Names are unique among the live assets of a folder",
        query="""SELECT f.path AS folder, a.name, count(*) AS times
            FROM asset a JOIN folder f ON f.id = a.folder_id
            WHERE a.archived_at IS NULL GROUP BY a.folder_id, f.path, a.name HAVING count(*) > 1""",
    ),
    Question(
        check="folders_complete",
        title="Every folder hangs in its dataset's tree",
        query=f"""SELECT f.uuid AS folder, f.path FROM folder f LEFT JOIN folder p ON p.id = f.parent_id
            WHERE (f.path = '/' AND f.parent_id IS NOT NULL)
            OR (f.removed_from IS NULL AND f.path <> '/' AND (p.id IS NULL OR p.dataset_id <> f.dataset_id
                OR substr(f.path, 1, length({_HOME})) <> {_HOME}
                OR {_LEAF} = '' OR replace({_LEAF}, '/', '') <> {_LEAF}))""",
    ),
    Question(
        check="assets_at_home",
        title="Every asset is in a dataset, a folder and a blob of its own organization",
        query="""SELECT a.uuid AS asset FROM asset a
            LEFT JOIN dataset d ON d.id = a.dataset_id AND d.organization_id = a.organization_id
            LEFT JOIN folder f ON f.id = a.folder_id AND f.dataset_id = a.dataset_id
                AND f.removed_from IS NULL
            LEFT JOIN blob b ON b.id = a.blob_id AND b.organization_id = a.organization_id
            WHERE d.id IS NULL OR f.id IS NULL OR (b.id IS NULL AND a.blob_id IS NOT NULL)""",
    ),
    Question(
        check="uploads_at_home",
        title="Every waiting upload is for a dataset, and has a blob, of its own organization",
        query="""SELECT u.uuid AS upload FROM upload u
            LEFT JOIN dataset d ON d.id = u.dataset_id AND d.organization_id = u.organization_id
            LEFT JOIN blob b ON b.id = u.blob_id AND b.organization_id = u.organization_id
            WHERE d.id IS NULL OR (b.id IS NULL AND u.blob_id IS NOT NULL)""",
    ),
    Question(
        check="assets_have_bytes",  # except of what is registered to be seen by nobody: it is never fetched
        title="Every finished asset that anybody is to see has a blob of its size",
        query="""SELECT a.uuid AS asset, a.size, b.size AS blob_size
            FROM asset a LEFT JOIN blob b ON b.id = a.blob_id
            LEFT JOIN registration r ON r.asset_id = a.id AND a.blob_id IS NULL AND a.size = 0
                AND r.channels LIKE '%"channel":"none"%'
            WHERE a.state = 'finished' AND (b.id IS NULL OR b.size <> a.size) AND r.asset_id IS NULL""",
    ),
    Question(
        check="blobs_in_use",
        title="Every blob belongs to an asset or a waiting upload",
        query="""SELECT b.storage_key FROM blob b
            WHERE NOT EXISTS (SELECT 1 FROM asset a WHERE a.blob_id = b.id)
            AND NOT EXISTS (SELECT 1 FROM upload u WHERE u.blob_id = b.id)""",
    ),
    Question(
        check="annotations_counted",
        title="Every asset's annotation count is that of its document",
        query=_ANNOTATIONS.format(
            count="CASE WHEN json_valid(document) THEN json_array_length(document) ELSE -1 END"
        ),
        postgresql=_ANNOTATIONS.format(count="json_array_length(CAST(document AS json))"),
        advice="Save the annotations of these assets again.",
    ),
    Question(
        check="classes_counted",
        title="The classes of every document are counted as they are in it",
        query=_CLASSES.format(
            name="json_extract(it.value, '$.name')",
            type="json_extract(it.value, '$.type')",
            each="json_each(CASE WHEN json_valid(n.document) THEN n.document ELSE '[]' END) it",
        ),
        postgresql=_CLASSES.format(
            name="it.value ->> 'name'",
            type="it.value ->> 'type'",
            each="LATERAL json_array_elements(CAST(n.document AS json)) it(value)",
        ),
        advice="Save the annotations of these assets again.",
    ),
    Question(
        check="classes_at_home",
        title="Classes are counted in the dataset that their asset is in",
        query="""SELECT a.uuid AS asset, c.name FROM annotation_class c JOIN asset a ON a.id = c.asset_id
            WHERE c.dataset_id <> a.dataset_id""",
    ),
    Question(
        check="tags_at_home",
        title="Every tag is of a dataset, and on assets of that dataset only",
        query="""SELECT x.tag_id AS tag, t.name, x.asset_id AS asset
            FROM asset_tag x LEFT JOIN tag t ON t.id = x.tag_id
            LEFT JOIN asset a ON a.id = x.asset_id AND a.dataset_id = t.dataset_id WHERE a.id IS NULL
            UNION ALL SELECT t.id, t.name, NULL FROM tag t LEFT JOIN dataset d ON d.id = t.dataset_id
            WHERE d.id IS NULL""",
    ),
    Question(
        check="registrations_at_home",
        title="What was said of assets is of assets that there are, where they are",
        query="""SELECT r.asset_id AS asset FROM registration r LEFT JOIN asset a ON a.id = r.asset_id
                AND a.dataset_id = r.dataset_id AND a.organization_id = r.organization_id WHERE a.id IS NULL
            UNION ALL SELECT m.asset_id FROM asset_manifest m LEFT JOIN registration r ON r.asset_id = m.asset_id
            WHERE r.asset_id IS NULL""",
    ),
    Question(
        check="tags_in_journals",
        title="Only items that an operation has changed have got or lost tags by it",
        query=f"""SELECT o.operation_id AS operation, o.line, o.tag_id AS tag
            FROM operation_tag o LEFT JOIN operation_item i ON i.operation_id = o.operation_id
                AND i.line = o.line AND i.outcome = {int(Outcome.DONE)}
            WHERE i.operation_id IS NULL""",
    ),
    Question(
        check="comments_at_home",
        title="Every comment is on an asset of its own organization, and in a thread on that asset",
        query="""SELECT c.uuid AS comment FROM annotation_comment c
            LEFT JOIN asset a ON a.id = c.asset_id AND a.organization_id = c.organization_id
            LEFT JOIN annotation_comment p ON p.id = c.parent_id AND p.asset_id = c.asset_id
            WHERE a.id IS NULL OR (p.id IS NULL AND c.parent_id IS NOT NULL)""",
    ),
    Question(
        check="reactions_at_home",
        title="Every reaction is to a comment",
        query="""SELECT r.comment_id AS comment, r.kind FROM comment_reaction r
            LEFT JOIN annotation_comment c ON c.id = r.comment_id WHERE c.id IS NULL""",
    ),
    Question(
        check="nothing_stuck",
        title="Every unfinished operation has items left to do",
        query=f"""SELECT o.uuid AS operation, o.verb, o.state FROM operation o
            WHERE o.state IN ('{RUNNING}', '{PAUSED}') AND (o.finished_at IS NOT NULL
            OR NOT EXISTS (SELECT 1 FROM operation_pending p WHERE p.operation_id = o.id))""",
    ),
    Question(
        check="nothing_pending_elsewhere",
        title="Nothing is left to do of a finished operation",
        query="""SELECT p.operation_id, count(*) AS items FROM operation_pending p
            LEFT JOIN operation o ON o.id = p.operation_id AND o.finished_at IS NULL
            WHERE o.id IS NULL GROUP BY p.operation_id""",
    ),
    Question(
        check="exports_at_home",
        title="Every export is of a dataset of its own organization",
        query="""SELECT e.uuid AS export, e.name FROM dataset_export e
            LEFT JOIN dataset d ON d.id = e.dataset_id AND d.organization_id = e.organization_id
            WHERE d.id IS NULL""",
    ),
    Question(
        check="exports_have_bytes",
        title="An export has a file if it is completed, and not before",
        query="""SELECT uuid AS export, name, state FROM dataset_export
            WHERE (state = 'completed') <> (storage_key IS NOT NULL) OR (state = 'completed' AND size IS NULL)""",
    ),
    Question(
        check="exports_made",
        title="What a server that died was exporting has been taken up",
        query=f"""SELECT uuid AS export, name FROM dataset_export
            WHERE state = 'processing' AND (held_until IS NULL OR held_until < :now - {clock.HOUR})""",
        advice="A running server does this within a minute. If one runs, look into its log for exports.stuck.",
    ),
    Question(
        check="exports_swept",
        title="Exports are removed when their time is over",
        query=f"""SELECT uuid AS export, name FROM dataset_export
            WHERE state IN ('completed', 'failed') AND expires_at < :now - {clock.HOUR}""",
        advice="A running server does this within a minute. If one runs, look into its log for exports.stuck.",
    ),
    Question(
        check="batches_counted",
        title="Every batch counts its items as they are",
        query="""SELECT b.uuid AS batch, b.count, b.completed, b.errors, b.cancelled, c.jobs AS there FROM batch b
            LEFT JOIN (SELECT batch_id, count(*) AS jobs, sum(CASE state WHEN 2 THEN 1 ELSE 0 END) AS completed,
                    sum(CASE state WHEN 3 THEN 1 ELSE 0 END) AS errors,
                    sum(CASE state WHEN 4 THEN 1 ELSE 0 END) AS cancelled
                FROM job WHERE batch_id IS NOT NULL GROUP BY batch_id) c ON c.batch_id = b.id
            WHERE (b.completed <> COALESCE(c.completed, 0) OR b.errors <> COALESCE(c.errors, 0)
                OR b.cancelled <> COALESCE(c.cancelled, 0) OR (NOT b.loading AND b.count <> COALESCE(c.jobs, 0)))
                -- One that was tested counts the images that still belong to it.
                AND NOT EXISTS (SELECT 1 FROM event e WHERE e.batch_id = b.id AND e.type = 'batch.repaired')""",
        advice="Test these batches: that puts their counters right.",
    ),
    Question(
        check="batches_finished",
        title="A batch is finished if all of its items are, and not before",
        query="""SELECT uuid AS batch, count, completed, errors, cancelled, finished_at FROM batch
            WHERE (finished_at IS NOT NULL) <> (NOT loading AND completed + errors + cancelled = count)""",
        advice="Test these batches: that puts them right.",
    ),
    Question(
        check="lanes_counted",
        title="Every lane of the queue counts its jobs as they are",
        query="""SELECT l.id AS lane, l.kind, l.unfinished, l.running, c.jobs, c.running AS are_running FROM lane l
            LEFT JOIN (SELECT lane_id, count(*) AS jobs, sum(CASE state WHEN 1 THEN 1 ELSE 0 END) AS running
                FROM job WHERE state IN (0, 1, 5) GROUP BY lane_id) c ON c.lane_id = l.id
            WHERE l.unfinished <> COALESCE(c.jobs, 0) OR l.running <> COALESCE(c.running, 0)""",
    ),
    Question(
        check="jobs_have_workers",
        title="No job is left with a worker that is dead",
        query=f"""SELECT j.id AS job, j.worker_id AS worker FROM job j LEFT JOIN worker w ON w.id = j.worker_id
            WHERE (j.state <> 1 AND j.worker_id IS NOT NULL)
            OR (j.state = 1 AND (w.id IS NULL OR w.dead)
                AND COALESCE(j.started_at, 0) < CAST(:now AS bigint) - {60 * clock.SECOND})""",
        advice="A running server takes them up within a minute. If one runs, look into its log for queue.stuck.",
    ),
    Question(
        check="arrivals_have_jobs",
        title="Every asset that is on its way in has a job that brings it",
        query="""SELECT a.uuid AS asset FROM asset a
            LEFT JOIN job j ON j.id = a.job_id AND j.state IN (0, 1, 5)
            WHERE a.state = 'ingesting' AND j.id IS NULL""",
        advice="Register these images again, or delete them.",
    ),
    Question(
        check="uploads_swept",
        title="Uploads that nobody registered are forgotten in time",
        query=f"SELECT uuid AS upload, name FROM upload WHERE expires_at < :now - {clock.HOUR}",
        advice=_SERVER,
    ),
    Question(
        check="loose_bytes_swept",
        title="Bytes that nobody needs are removed in time",
        query=f"SELECT storage_key FROM loose_bytes WHERE due_at < :now - {clock.HOUR}",
        advice=_SERVER,
    ),
    Question(
        check="loose_prefixes_swept",
        title="What nobody needs of videos and of uploads in pieces is removed in time",
        query=f"SELECT prefix FROM loose_prefix WHERE due_at < :now - {clock.HOUR}",
        advice=_SERVER,
    ),
    Question(
        check="expired_gone",
        title="What was to be kept only for a while is gone when that is over",
        query=f"SELECT uuid AS asset, name FROM asset WHERE expires_at < :now - {clock.HOUR}",
        advice="A running server does this within seconds. If one runs, look into its log for expiring.failed.",
    ),
    Question(
        check="events_told",
        title="What has happened is told to those who want to hear of it",
        query=f"SELECT uuid AS event, type FROM event WHERE untold AND at < :now - {clock.HOUR}",
        advice="A running server does this within a second. If one runs, look into its log for webhooks.not_told.",
    ),
    Question(
        check="deliveries_have_jobs",
        title="Every delivery that is not over has a job that brings it",
        query="""SELECT d.uuid AS delivery FROM delivery d
            LEFT JOIN job j ON j.id = d.job_id AND j.state IN (0, 1, 5)
            WHERE d.finished_at IS NULL AND j.id IS NULL""",
        advice="Replay these deliveries.",
    ),
    Question(
        check="embeddings_at_home",
        title="What an asset is about is kept beside it, and as long as its model says",
        query="""SELECT e.asset_id AS asset, e.organization_id, e.kind, e.dim
            FROM embedding e LEFT JOIN asset a ON a.id = e.asset_id
            WHERE a.id IS NULL OR a.organization_id <> e.organization_id OR a.kind <> e.kind
                OR length(e.vector) <> 4 * e.dim""",
    ),
    Question(
        check="assets_embedded",
        title="Where it is searched by meaning, every asset that is no copy has its vector within the hour",
        query=f"""SELECT b.uuid AS asset, b.name
            FROM embedder m CROSS JOIN organization o JOIN asset b ON b.organization_id = o.id
            LEFT JOIN embedding e ON e.asset_id = b.id AND e.model = m.model AND e.dim IN (m.dim, 0)
            WHERE {SEEN} AND e.asset_id IS NULL
                AND {SEARCHED} AND b.id NOT IN (SELECT id FROM ({COPIES}) copies)
                AND b.updated_at < CAST(:now AS bigint) - {clock.HOUR} AND m.since < CAST(:now AS bigint) - {clock.HOUR}
                AND NOT EXISTS (SELECT 1 FROM embedding_round r WHERE r.organization_id = b.organization_id
                    AND r.state = 'running' AND r.changed_at > CAST(:now AS bigint) - {clock.HOUR})""",
        advice="A running server sees to that. If one runs, see `stackroom embeddings status`, and look into its log.",
    ),
    Question(
        check="groups_at_home",
        title="A group's files are there, and its organization's",
        query="""SELECT m.group_id, m.position FROM file_group_member m
            LEFT JOIN file_group g ON g.id = m.group_id LEFT JOIN asset a ON a.id = m.asset_id
            WHERE g.id IS NULL OR a.id IS NULL OR a.organization_id <> g.organization_id""",
    ),
    Question(
        check="videos_at_home",
        title="What players get of a video is that video's alone, and listed",
        query="""SELECT m.asset_id AS asset, m.hls_prefix FROM asset_media m LEFT JOIN asset a ON a.id = m.asset_id
            WHERE a.id IS NULL OR (m.hls_prefix IS NOT NULL AND (m.renditions IS NULL
                OR EXISTS (SELECT 1 FROM loose_prefix p WHERE p.prefix = m.hls_prefix)))
            UNION ALL SELECT max(m.asset_id), m.hls_prefix FROM asset_media m
            WHERE m.hls_prefix IS NOT NULL GROUP BY m.hls_prefix HAVING count(*) > 1""",
    ),
    Question(
        check="videos_have_jobs",
        title="Every video that is to be made ready for players has a job that does it",
        query="""SELECT a.uuid AS asset, m.processing FROM asset_media m JOIN asset a ON a.id = m.asset_id
            WHERE m.processing IN ('pending', 'processing') AND NOT EXISTS (
                SELECT 1 FROM job j JOIN lane l ON l.id = j.lane_id
                WHERE j.asset_id = m.asset_id AND j.state IN (0, 1, 5) AND l.kind = 'transcode')""",
        advice="Have these videos processed again.",
    ),
)


async def ask(database: Database, question: Question, *, most: int, now: int) -> Finding:
    """Ask one question. One that the database cannot answer is a problem as well, and stops no other."""
    try:
        problems, samples = await database.read(lambda conn: _count(conn, question, most, now))
    except SQLAlchemyError as error:
        problems, samples = 1, [f"could not be checked: {error}"]
    return Finding(
        check=question.check, title=question.title, problems=problems, samples=samples, advice=question.advice
    )


def _count(conn: Connection, question: Question, most: int, now: int) -> tuple[int, list[str]]:
    query = (question.postgresql if flavour.of(conn) is flavour.POSTGRESQL else "") or question.query
    bound = {"now": now} if ":now" in query else {}
    problems = conn.scalar(statement(f"SELECT count(*) FROM ({query}) found"), bound) or 0
    some = f"SELECT * FROM ({query}) found LIMIT {most}"
    rows = conn.execute(statement(some), bound) if problems else ()
    return problems, [_spelled(row) for row in rows]


def _spelled(row: Row[Any]) -> str:
    return ", ".join(f"{name} {_text(value)}" for name, value in row._asdict().items())


def _text(value: object) -> str:
    return ids.text(value) if isinstance(value, bytes) else str(value)


async def check_journals(database: Database, *, most: int) -> Finding:
    """Whether every operation's items, outcomes and total agree."""
    wrong = await database.read(_wrong_journals)
    return Finding(
        check="outcomes_add_up",
        title="Every item of an operation has one outcome, and they add up",
        problems=len(wrong),
        samples=wrong[:most],
        advice=_REPORT,
    )


def _wrong_journals(conn: Connection) -> list[str]:
    counted: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for operation_id, outcome, count in conn.execute(
        statement("SELECT operation_id, outcome, count(*) FROM operation_item GROUP BY operation_id, outcome")
    ):
        counted[operation_id][outcome] = count
    waiting = statement("SELECT operation_id, count(*) AS items FROM operation_pending GROUP BY operation_id")
    pending: dict[int, int] = {row[0]: row[1] for row in conn.execute(waiting)}
    wrong = []
    for row in conn.execute(
        statement("SELECT id, uuid, verb, state, total, outcomes FROM operation ORDER BY id")
    ):
        fault = _fault(row, counted.pop(row.id, Counter()), pending.get(row.id, 0))
        if fault:
            wrong.append(f"operation {ids.text(row.uuid)} ({row.verb}): {fault}")
    return [*wrong, *(f"items of operation {each}, which is not there" for each in counted)]


def _fault(row: Row[Any], counted: Mapping[int, int], pending: int) -> str | None:
    if row.state == FORGOTTEN:  # some of its items are gone, as they should
        return None
    ended = sum(counted.values())
    if counted.get(Outcome.COLLIDES):
        return f"{counted[Outcome.COLLIDES]} items have no outcome"
    if ended + pending != row.total:
        return f"{row.total} items were asked for, {ended} have an outcome and {pending} are left to do"
    stored = {int(code): n for code, n in msgspec.json.decode(row.outcomes or "{}").items()}
    if row.outcomes is not None and stored != dict(counted):
        return f"it says {_words(stored)}, and its items say {_words(counted)}"
    return None


def _words(outcomes: Mapping[int, int]) -> str:
    return ", ".join(f"{count} {Outcome(code).word}" for code, count in sorted(outcomes.items())) or "nothing"
