"""the queue: lanes, batches, jobs, workers; what assets are registered with; how origins are reached"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "spent_number",
        sa.Column(
            "organization_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "asset_manifest",
        sa.Column(
            "asset_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("manifest", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("asset_id", "manifest"),
        sqlite_with_rowid=False,
    )
    op.create_index("asset_manifest_by_name", "asset_manifest", ["manifest", "asset_id"], unique=False)
    op.create_table(
        "job_rate",
        sa.Column(
            "worker_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("bucket", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("finished", sa.Integer(), nullable=False),
        sa.Column("busy", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("worker_id", "kind", "bucket"),
        sqlite_with_rowid=False,
    )
    op.create_index("job_rate_by_time", "job_rate", ["kind", "bucket"], unique=False)
    op.create_table(
        "worker",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("heartbeat_at", sa.BigInteger(), nullable=False),
        sa.Column("dead", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "lane",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ready", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("unfinished", sa.Integer(), server_default="0", nullable=False),
        sa.Column("running", sa.Integer(), server_default="0", nullable=False),
        sa.Column("turn", sa.Float(precision=53), server_default="0", nullable=False),
        sa.CheckConstraint("running >= 0 AND running <= unfinished", name="lane_adds_up"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "priority", "organization_id"),
    )
    op.create_table(
        "origin_strategy",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uuid", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("regex", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("credentials", sa.Text(), nullable=True),
        sa.Column("optimised", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid"),
    )
    op.create_index(
        "origin_strategy_of_organization", "origin_strategy", ["organization_id", "position"], unique=False
    )
    op.create_table(
        "batch",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uuid", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dataset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("completed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("errors", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cancelled", sa.Integer(), server_default="0", nullable=False),
        sa.Column("superseded", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("loading", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("retry_of", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("key_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("completed + errors + cancelled <= count", name="batch_adds_up"),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "batch_finished",
        "batch",
        ["organization_id", "finished_at"],
        unique=False,
        sqlite_where=sa.text("finished_at IS NOT NULL"),
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )
    op.create_index("batch_of_organization", "batch", ["organization_id", "id"], unique=False)
    op.create_index(
        "batch_unfinished",
        "batch",
        ["organization_id", "id"],
        unique=False,
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_table(
        "delivery_default",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uuid", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dataset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid"),
    )
    op.create_index("delivery_default_of_dataset", "delivery_default", ["dataset_id"], unique=False)
    op.create_index(
        "delivery_default_of_organization",
        "delivery_default",
        ["organization_id", "dataset_id"],
        unique=False,
    )
    op.create_table(
        "job",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("lane_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("attempt", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("worker_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("run_at", sa.BigInteger(), nullable=True),
        sa.Column("asset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["lane_id"], ["lane.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "job_failed",
        "job",
        ["batch_id", "position"],
        unique=False,
        sqlite_where=sa.text("state = 3"),
        postgresql_where=sa.text("state = 3"),
    )
    op.create_index(
        "job_of_asset",
        "job",
        ["asset_id", "id"],
        unique=False,
        sqlite_where=sa.text("asset_id IS NOT NULL"),
        postgresql_where=sa.text("asset_id IS NOT NULL"),
    )
    op.create_index("job_of_batch", "job", ["batch_id", "position"], unique=False)
    op.create_index(
        "job_ready",
        "job",
        ["lane_id", "id"],
        unique=False,
        sqlite_where=sa.text("state = 0"),
        postgresql_where=sa.text("state = 0"),
    )
    op.create_index(
        "job_running",
        "job",
        ["worker_id"],
        unique=False,
        sqlite_where=sa.text("state = 1"),
        postgresql_where=sa.text("state = 1"),
    )
    op.create_index(
        "job_waiting",
        "job",
        ["run_at"],
        unique=False,
        sqlite_where=sa.text("state = 5"),
        postgresql_where=sa.text("state = 5"),
    )
    op.create_table(
        "registration",
        sa.Column(
            "asset_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dataset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("channels", sa.Text(), nullable=False),
        sa.Column("max_unauthorised", sa.Integer(), server_default="-1", nullable=False),
        sa.Column("roles", sa.Text(), server_default="[]", nullable=False),
        sa.Column(
            "string1",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            server_default="",
            nullable=False,
        ),
        sa.Column(
            "string2",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            server_default="",
            nullable=False,
        ),
        sa.Column(
            "string3",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            server_default="",
            nullable=False,
        ),
        sa.Column("number1", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("number2", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("number3", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("asset_id"),
    )
    op.create_index(
        "registration_number1",
        "registration",
        ["organization_id", "number1", "asset_id"],
        unique=False,
        sqlite_where=sa.text("number1 <> 0"),
        postgresql_where=sa.text("number1 <> 0"),
    )
    op.create_index(
        "registration_number2",
        "registration",
        ["organization_id", "number2", "asset_id"],
        unique=False,
        sqlite_where=sa.text("number2 <> 0"),
        postgresql_where=sa.text("number2 <> 0"),
    )
    op.create_index(
        "registration_number3",
        "registration",
        ["organization_id", "number3", "asset_id"],
        unique=False,
        sqlite_where=sa.text("number3 <> 0"),
        postgresql_where=sa.text("number3 <> 0"),
    )
    op.create_index(
        "registration_string1",
        "registration",
        ["organization_id", "string1", "asset_id"],
        unique=False,
        sqlite_where=sa.text("string1 <> ''"),
        postgresql_where=sa.text("string1 <> ''"),
    )
    op.create_index(
        "registration_string2",
        "registration",
        ["organization_id", "string2", "asset_id"],
        unique=False,
        sqlite_where=sa.text("string2 <> ''"),
        postgresql_where=sa.text("string2 <> ''"),
    )
    op.create_index(
        "registration_string3",
        "registration",
        ["organization_id", "string3", "asset_id"],
        unique=False,
        sqlite_where=sa.text("string3 <> ''"),
        postgresql_where=sa.text("string3 <> ''"),
    )
    op.add_column("asset", sa.Column("error", sa.Text(), nullable=True))
    op.add_column("asset", sa.Column("ingested_at", sa.BigInteger(), nullable=True))
    op.add_column(
        "asset", sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
    )
    op.add_column(
        "asset", sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
    )
    op.create_index(
        "asset_of_batch",
        "asset",
        ["batch_id", "id"],
        unique=False,
        sqlite_where=sa.text("batch_id IS NOT NULL"),
        postgresql_where=sa.text("batch_id IS NOT NULL"),
    )
    op.add_column("dataset", sa.Column("defaults", sa.Text(), nullable=True))
    op.add_column(
        "event", sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
    )
    op.add_column("organization", sa.Column("display_name", sa.Text(), nullable=True))
    op.add_column(
        "organization",
        sa.Column("administrator", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "organization", sa.Column("legacy", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("organization", sa.Column("max_running", sa.Integer(), nullable=True))
