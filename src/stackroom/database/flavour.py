"""The true differences between the two databases, and nothing else."""

from functools import lru_cache

import msgspec
from sqlalchemy import Connection, TextClause, text


class Flavour(msgspec.Struct, frozen=True):
    """SQL that must be spelled differently. Every fragment is a complete expression or table source."""

    name: str
    update: str
    """Begins a bulk UPDATE. SQLite's plain one keeps a second copy of every page it touches, so that it could
    undo this statement alone; giving up the whole transaction instead is what the engine wants anyway, and
    costs a third as much."""
    insert: str
    lock: str
    """Ends a SELECT that must keep its rows as they are until the commit. SQLite has one writer and needs none."""
    skip: str
    """Ends a SELECT that must keep its rows as they are, and passes over those that somebody else keeps."""
    clock: str
    """The present moment by a clock that all who share the database share. Who has one to itself binds `:now`."""
    greatest: str
    """The function that gives the greater of two numbers."""
    elements: str
    """Rows (value) of `:{name}`, a JSON list, in its order."""
    among: str
    """Completes `id …`: it is in `:{name}`, a JSON list of numbers. So said that PostgreSQL looks each up, where it
    would otherwise rather read a table that it has not yet counted from end to end."""
    integer: str
    """Element `{n}` of the JSON list `value`, which is a number."""
    string: str
    """Element `{n}` of the JSON list `value`, which is a text."""
    packed: str
    """Rows (n, uuid) of `:packed`, `:count` ids of sixteen bytes laid end to end."""
    placed: str
    """The same with a `position` for each, as the JSON list `:positions` says."""
    pairs: str
    """Rows (position, value) of `:pairs`, a JSON list of [integer, text]."""
    numbers: str
    """Selects `:count` row ids of `{table}` that nobody else gets, as a list. On SQLite the number they begin after, as
    long as this transaction lasts: also where a number must not be given again."""
    texts: str
    """Rows (value) of `:texts`, a JSON list of strings."""
    gathered: str
    """All values of `{value}` as one JSON list. Ten thousand rows of one value each would cost five times as much."""
    end_to_end: str
    """All values of `{value}`, which are bytes, laid end to end."""
    glob: str
    """Completes `name …` for the pattern bound as `:glob` (see `glob_pattern`)."""
    fence: str
    """Ends a subquery that the planner must not merge with what is around it: an unmeasured work table would
    otherwise be probed from a scan of a million assets."""
    probe: str
    """Joins to each row before it the rows of `{table}`, called `{alias}`, that `{where}` finds in an index. Left to
    choose, PostgreSQL compares each with each where it has not yet counted what a table holds."""
    same: str
    """Compares two values so that NULL is the same as NULL."""
    slice: str
    """The `{n}`th sixteen bytes of the blob bound as `:{name}`."""
    part: str
    """So many bytes of the blob bound as `:{name}`, from `{start}` on, which is 0 for its first."""
    document: str
    """A JSON object, as text, of `{pairs}`: names and values by turns."""
    id_text: str
    """The usual text of the id `{uuid}`."""
    shuffle: str
    """Sixteen bytes made of `{uuid}` and `:salt`, the same in both databases: sorted by them, rows are in no order
    that anybody could have meant."""


SQLITE = Flavour(
    name="sqlite",
    update="UPDATE OR ROLLBACK",
    insert="INSERT OR ROLLBACK",
    lock="",
    skip="",
    clock=":now",
    greatest="max",
    elements="json_each(:{name}) LIMIT -1",
    among="IN (SELECT value FROM json_each(:{name}) LIMIT -1)",
    integer="json_extract(value, '$[{n}]')",
    string="json_extract(value, '$[{n}]')",
    # The numbers come from a JSON list of that many zeros: twice as fast as counting in a recursive query.
    packed="""(SELECT key AS n, substr(:packed, key * 16 + 1, 16) AS uuid
        FROM json_each('[' || rtrim(replace(hex(zeroblob(:count)), '00', '0,'), ',') || ']'))""",
    placed="""(SELECT key AS n, value AS position, substr(:packed, key * 16 + 1, 16) AS uuid
        FROM json_each(:positions))""",
    pairs="""(SELECT json_extract(value, '$[0]') AS position, json_extract(value, '$[1]') AS value
        FROM json_each(:pairs) LIMIT -1)""",
    numbers="""SELECT max(COALESCE((SELECT max(id) FROM {table}), 0),
        COALESCE((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0)) WHERE :count > 0""",
    texts="(SELECT value FROM json_each(:texts) LIMIT -1)",
    gathered="json_group_array({value})",
    end_to_end="CAST(group_concat({value}, '') AS blob)",
    glob="GLOB :glob",
    fence="LIMIT -1",
    probe="CROSS JOIN {table} {alias} WHERE {where}",
    same="IS",
    slice="substr(:{name}, ({n}) * 16 + 1, 16)",
    part="substr(:{name}, ({start}) + 1, {length})",
    document="json_object({pairs})",
    id_text="""lower(substr(hex({uuid}), 1, 8) || '-' || substr(hex({uuid}), 9, 4) || '-' || substr(hex({uuid}), 13, 4)
        || '-' || substr(hex({uuid}), 17, 4) || '-' || substr(hex({uuid}), 21))""",
    shuffle="shuffled(:salt, {uuid})",
)

POSTGRESQL = Flavour(
    name="postgresql",
    update="UPDATE",
    insert="INSERT",
    lock="FOR NO KEY UPDATE",
    skip="FOR NO KEY UPDATE SKIP LOCKED",
    clock="CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)",
    greatest="greatest",
    elements="jsonb_array_elements(CAST(:{name} AS jsonb)) AS value",
    among="= ANY(ARRAY(SELECT CAST(value AS bigint) FROM jsonb_array_elements(CAST(:{name} AS jsonb)) AS value))",
    integer="CAST(value ->> {n} AS bigint)",
    string="value ->> {n}",
    packed="""(SELECT n, substring(CAST(:packed AS bytea) FROM n * 16 + 1 FOR 16) AS uuid
        FROM generate_series(0, CAST(:count AS integer) - 1) AS n)""",
    placed="""(SELECT CAST(n AS integer) - 1 AS n, CAST(value AS integer) AS position,
            substring(CAST(:packed AS bytea) FROM (CAST(n AS integer) - 1) * 16 + 1 FOR 16) AS uuid
        FROM jsonb_array_elements_text(CAST(:positions AS jsonb)) WITH ORDINALITY AS each(value, n))""",
    pairs="""(SELECT CAST(value ->> 0 AS integer) AS position, value ->> 1 AS value
        FROM jsonb_array_elements(CAST(:pairs AS jsonb)) AS value)""",
    numbers="""SELECT array_agg(nextval(CAST(numbers.name AS regclass)))
        FROM (SELECT pg_get_serial_sequence('{table}', 'id') AS name OFFSET 0) numbers
        CROSS JOIN generate_series(1, CAST(:count AS integer))""",
    texts="(SELECT value FROM jsonb_array_elements_text(CAST(:texts AS jsonb)) AS value)",
    gathered="CAST(json_agg({value}) AS text)",
    end_to_end="string_agg({value}, '')",
    glob="LIKE :glob",
    fence="",
    probe="CROSS JOIN LATERAL (SELECT * FROM {table} {alias} WHERE {where} OFFSET 0) {alias}",
    same="IS NOT DISTINCT FROM",
    slice="substring(CAST(:{name} AS bytea) FROM CAST(({n}) * 16 + 1 AS integer) FOR 16)",
    part="substr(CAST(:{name} AS bytea), CAST(({start}) + 1 AS integer), CAST({length} AS integer))",
    document="CAST(json_build_object({pairs}) AS text)",
    id_text="CAST(CAST(encode({uuid}, 'hex') AS uuid) AS text)",
    shuffle="substring(sha256(CAST(:salt AS bytea) || {uuid}) FROM 1 FOR 16)",
)


def of(conn: Connection) -> Flavour:
    return SQLITE if conn.dialect.name == "sqlite" else POSTGRESQL


def rows(how: Flavour, name: str, /, **columns: type[int] | type[str]) -> str:
    """A table source: the rows of `:name`, a JSON list of lists, whose elements are these columns in this order."""
    spelled = [
        f"{(how.integer if kind is int else how.string).format(n=n)} AS {column}"
        for n, (column, kind) in enumerate(columns.items())
    ]
    return f"(SELECT {', '.join(spelled)} FROM {how.elements.format(name=name)})"


def glob_pattern(flavour: Flavour, glob: str) -> str:
    """A pattern of `*` and `?`, where everything else stands for itself and case counts, as the database writes it."""
    if flavour is SQLITE:
        return glob.replace("[", "[[]")
    escaped = glob.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")


@lru_cache(maxsize=512)
def statement(sql: str) -> TextClause:
    """A prepared text of `sql`. The same text is the same object, so SQLAlchemy compiles each only once."""
    return text(sql)
