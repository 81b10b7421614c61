"""`flowstead role …`."""

from __future__ import annotations

from flowstead.cli import role_assignment, role_definition
from flowstead.cli.apps import new_app

app = new_app("Roles: what may be done, and who may do it where.")
app.add_typer(role_definition.app, name="definition")
app.add_typer(role_assignment.app, name="assignment")
