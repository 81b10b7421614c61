"""`flowstead logout`."""

from __future__ import annotations

import sys

from flowstead.cli.apps import HomeOption, new_app
from flowstead.client.login import forget_login
from flowstead.resources.home import Home

app = new_app()


@app.command()
def logout(home: HomeOption = None) -> None:
    """Forget another machine's server: commands go to this machine's own again."""
    if not forget_login(Home.at(home)):
        print("Nobody was logged in.", file=sys.stderr)
