"""The schema's history, run when a store is opened. A new version is a numbered file in `versions/`, written
by hand; the schema test says whether tables and migrations agree."""
