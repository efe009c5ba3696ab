"""tags, classes counted, comments, people, exports, webhook endpoints"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "annotation_class",
        sa.Column(
            "asset_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("asset_id", "name", "type"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "annotation_class_in_dataset",
        "annotation_class",
        ["dataset_id", "name", "type", "asset_id", "count"],
        unique=False,
    )
    op.create_table(
        "asset_tag",
        sa.Column(
            "tag_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "asset_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("tag_id", "asset_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("asset_tag_of_asset", "asset_tag", ["asset_id"], unique=False)
    op.create_table(
        "comment_reaction",
        sa.Column(
            "comment_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "key_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("comment_id", "key_id", "kind"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "operation_tag",
        sa.Column(
            "operation_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "tag_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("added", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("operation_id", "position", "tag_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "invite",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uuid", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("email", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("role", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("invited_by", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
        sa.UniqueConstraint("uuid"),
    )
    op.create_index("invite_of_organization", "invite", ["organization_id", "id"], unique=False)
    op.create_table(
        "member",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uuid", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("email", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=True),
        sa.Column("role", sa.SmallInteger(), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organization_id", "email"),
        sa.UniqueConstraint("uuid"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "webhook_endpoint",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uuid", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
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
        sa.UniqueConstraint("organization_id", "url"),
        sa.UniqueConstraint("uuid"),
    )
    op.create_table(
        "dataset_export",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uuid", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dataset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("held_until", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("storage_key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("image_count", sa.Integer(), nullable=True),
        sa.Column("annotation_count", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("dataset_id", "name"),
        sa.UniqueConstraint("uuid"),
    )
    op.create_index(
        "dataset_export_of_organization", "dataset_export", ["organization_id", "id"], unique=False
    )
    op.create_table(
        "tag",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("dataset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("dataset_id", "name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "annotation_comment",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("uuid", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("asset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("annotation_id", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("key_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], initially="DEFERRED", deferrable=True
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["annotation_comment.id"], initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid"),
    )
    op.create_index("annotation_comment_of_asset", "annotation_comment", ["asset_id", "id"], unique=False)
    op.create_index("annotation_comment_replies", "annotation_comment", ["parent_id"], unique=False)
    op.add_column("api_key", sa.Column("rate_limit", sa.Integer(), nullable=True))
    op.add_column(
        "api_key", sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
    )
    op.add_column("api_key", sa.Column("removed_at", sa.BigInteger(), nullable=True))
    op.add_column("asset", sa.Column("review_note", sa.Text(), nullable=True))
    op.add_column("blob", sa.Column("fingerprint", sa.LargeBinary(), nullable=True))
    op.create_index(
        "blob_without_fingerprint",
        "blob",
        ["id"],
        unique=False,
        sqlite_where=sa.text("fingerprint IS NULL"),
        postgresql_where=sa.text("fingerprint IS NULL"),
    )
    op.add_column(
        "folder",
        sa.Column(
            "removed_from", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True
        ),
    )
    op.create_index(
        "folder_removed",
        "folder",
        ["dataset_id", "removed_from"],
        unique=False,
        sqlite_where=sa.text("removed_from IS NOT NULL"),
        postgresql_where=sa.text("removed_from IS NOT NULL"),
    )
    op.add_column("organization", sa.Column("description", sa.Text(), nullable=True))
    op.add_column(
        "organization", sa.Column("public", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    _count_classes()


def _count_classes() -> None:
    """In the documents that are there."""
    if op.get_bind().dialect.name == "sqlite":
        annotations, key = "json_each(n.document) AS it", "json_extract(it.value, '$.{}')"
    else:
        annotations = "LATERAL json_array_elements(CAST(n.document AS json)) AS it(value)"
        key = "it.value ->> '{}'"
    op.execute(
        f"""INSERT INTO annotation_class (asset_id, name, type, dataset_id, count)
            SELECT a.id, {key.format("name")}, {key.format("type")}, a.dataset_id, count(*)
            FROM annotation n CROSS JOIN {annotations} JOIN asset a ON a.id = n.asset_id
            GROUP BY 1, 2, 3, 4"""
    )
