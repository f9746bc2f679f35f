"""Runs the numbered steps over the connection that `service.storage.migrating` hands in: the one place that Alembic itself calls."""

from __future__ import annotations

from alembic import context

from service.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
# One transaction around all steps is open already: they take effect together or not at all.
context.run_migrations()
