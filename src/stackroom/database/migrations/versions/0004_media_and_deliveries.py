"""Media of all kinds, embeddings, uploads in pieces, groups, presets; deliveries to webhooks; what a request was"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _let_endpoints_share_an_address()
    op.add_column(
        "webhook_endpoint", sa.Column("dialect", sa.Text(), server_default="native", nullable=False)
    )
    op.add_column(
        "webhook_endpoint",
        sa.Column("per_item", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("webhook_endpoint", sa.Column("asset_kind", sa.Text(), nullable=True))
    op.add_column("webhook_endpoint", sa.Column("failures", sa.Integer(), server_default="0", nullable=False))
    op.add_column("webhook_endpoint", sa.Column("deactivated_at", sa.BigInteger(), nullable=True))
    op.add_column("webhook_endpoint", sa.Column("deactivation_reason", sa.Text(), nullable=True))
    op.add_column("webhook_endpoint", sa.Column("previous_secret", sa.Text(), nullable=True))
    op.add_column("webhook_endpoint", sa.Column("previous_secret_until", sa.BigInteger(), nullable=True))
    op.create_index(
        "webhook_endpoint_of_organization", "webhook_endpoint", ["organization_id", "id"], unique=False
    )
    op.create_table(
        "file_group_member",
        sa.Column(
            "group_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("asset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index("file_group_of_asset", "file_group_member", ["asset_id"], unique=False)
    op.create_table(
        "loose_prefix",
        sa.Column("prefix", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("prefix"),
    )
    op.create_index("loose_prefix_due", "loose_prefix", ["due_at"], unique=False)
    op.create_table(
        "upload_chunk",
        sa.Column(
            "session_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column(
            "storage_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False
        ),
        sa.PrimaryKeyConstraint("session_id", "position"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "file_group",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uuid", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid"),
    )
    op.create_index("file_group_of_organization", "file_group", ["organization_id", "id"], unique=False)
    op.create_table(
        "preset",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uuid", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("operations", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organization_id", "name"),
        sa.UniqueConstraint("uuid"),
    )
    op.create_table(
        "upload_session",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uuid", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("chunk_size", sa.BigInteger(), nullable=False),
        sa.Column("chunk_count", sa.Integer(), nullable=False),
        sa.Column("store_behavior", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("folder_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("prefix", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("asset_uuid", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid"),
    )
    op.create_index("upload_session_expiry", "upload_session", ["expires_at"], unique=False)
    op.create_index(
        "upload_session_of_organization", "upload_session", ["organization_id", "id"], unique=False
    )
    op.create_table(
        "delivery",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uuid", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("endpoint_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("response", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoint.id"], initially="DEFERRED", deferrable=True
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid"),
    )
    op.create_index("delivery_of_endpoint", "delivery", ["endpoint_id", "id"], unique=False)
    op.create_index("delivery_of_event", "delivery", ["event_id", "endpoint_id"], unique=False)
    op.create_index("delivery_of_organization", "delivery", ["organization_id", "id"], unique=False)
    op.create_table(
        "asset_media",
        sa.Column(
            "asset_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("store_behavior", sa.Text(), nullable=True),
        sa.Column("bitrate", sa.Integer(), nullable=True),
        sa.Column("sample_rate", sa.Integer(), nullable=True),
        sa.Column("channels", sa.Integer(), nullable=True),
        sa.Column("page_count", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("processing", sa.Text(), nullable=True),
        sa.Column("processing_error", sa.Text(), nullable=True),
        sa.Column("renditions", sa.Text(), nullable=True),
        sa.Column("hls_prefix", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("asset_id"),
    )
    op.create_table(
        "embedding",
        sa.Column(
            "asset_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("dim", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("asset_id"),
    )
    op.create_index(
        "embedding_of_organization",
        "embedding",
        ["organization_id", "model", "kind", "asset_id"],
        unique=False,
    )
    op.add_column("api_key", sa.Column("description", sa.Text(), nullable=True))
    op.create_index(
        "asset_expiry",
        "asset",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_index(
        "asset_described",
        "asset",
        ["organization_id", "id"],
        unique=False,
        sqlite_where=sa.text("metadata IS NOT NULL AND archived_at IS NULL"),
        postgresql_where=sa.text("metadata IS NOT NULL AND archived_at IS NULL"),
    )
    op.create_index(
        "asset_by_kind",
        "asset",
        ["organization_id", "kind", "id"],
        unique=False,
        sqlite_where=sa.text("archived_at IS NULL"),
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    op.add_column("event", sa.Column("method", sa.Text(), nullable=True))
    op.add_column("event", sa.Column("path", sa.Text(), nullable=True))
    op.add_column("event", sa.Column("query", sa.Text(), nullable=True))
    op.add_column("event", sa.Column("status", sa.SmallInteger(), nullable=True))
    op.add_column("event", sa.Column("request_bytes", sa.BigInteger(), nullable=True))
    op.add_column("event", sa.Column("response_bytes", sa.BigInteger(), nullable=True))
    op.add_column("event", sa.Column("duration_us", sa.BigInteger(), nullable=True))
    op.add_column("event", sa.Column("untold", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("folder", sa.Column("updated_at", sa.BigInteger(), nullable=True))
    op.create_index(
        "job_by_itself",
        "job",
        ["lane_id", "id"],
        unique=False,
        sqlite_where=sa.text("batch_id IS NULL"),
        postgresql_where=sa.text("batch_id IS NULL"),
    )
    op.drop_index("event_of_organization", table_name="event")
    op.create_index(
        "event_of_organization",
        "event",
        ["organization_id", "id"],
        unique=False,
        sqlite_where=sa.text("type <> 'http.request'"),
        postgresql_where=sa.text("type <> 'http.request'"),
    )
    op.create_index(
        "event_request",
        "event",
        ["organization_id", "id"],
        unique=False,
        sqlite_where=sa.text("type = 'http.request'"),
        postgresql_where=sa.text("type = 'http.request'"),
    )
    op.create_index(
        "event_untold",
        "event",
        ["id"],
        unique=False,
        sqlite_where=sa.text("untold"),
        postgresql_where=sa.text("untold"),
    )


def _let_endpoints_share_an_address() -> None:
    """What forbade it has no name in SQLite, where only a new table is without it."""
    if op.get_bind().dialect.name == "sqlite":
        op.rename_table("webhook_endpoint", "webhook_endpoint_before")
        op.create_table(
            "webhook_endpoint",
            sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
            sa.Column("uuid", sa.LargeBinary(), nullable=False),
            sa.Column("organization_id", sa.Integer(), nullable=False),
            sa.Column("url", sa.Text(), nullable=False),
            sa.Column("description", sa.Text(), nullable=True),
            sa.Column("event_types", sa.Text(), nullable=False),
            sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
            sa.Column("secret", sa.Text(), nullable=False),
            sa.Column("secret_version", sa.Integer(), server_default="1", nullable=False),
            sa.Column("auth_headers", sa.Text(), nullable=False),
            sa.Column("created_at", sa.BigInteger(), nullable=False),
            sa.Column("updated_at", sa.BigInteger(), nullable=False),
            sa.ForeignKeyConstraint(
                ["organization_id"], ["organization.id"], initially="DEFERRED", deferrable=True
            ),
            sa.PrimaryKeyConstraint("id"),
            sa.UniqueConstraint("uuid"),
        )
        op.execute("INSERT INTO webhook_endpoint SELECT * FROM webhook_endpoint_before")
        op.drop_table("webhook_endpoint_before")
    else:
        op.drop_constraint("webhook_endpoint_organization_id_url_key", "webhook_endpoint")
