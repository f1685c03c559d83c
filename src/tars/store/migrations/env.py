"""What Alembic runs: the migrations, on the connection and in the transaction it is given."""

from alembic import context

from tars.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite changes a table by making it anew.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
