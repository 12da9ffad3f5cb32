"""Revisions of the schema: one chain for both databases.

`python -m headrace.server.store.migrations.draft SLUG` writes the next one from what `schema` says
and the chain does not yet; read it, correct it, commit it.
"""
