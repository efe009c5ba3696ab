"""Alembic's entry: runs on the connection it is handed, inside that connection's transaction."""

from alembic import context

from stackroom.database.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=False)
context.run_migrations()
