"""The flow in a registered model, as a wizard needs it: what goes in and comes out, and what it uses."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from flowstead.api.context import PROVIDER, SITE, Here, Needs
from flowstead.api.deployment_rules import check_flow
from flowstead.api.flow_descriptions import as_json, described
from flowstead.api.models import MODELS
from flowstead.store.records import Kind

router = APIRouter(tags=["models"])


@router.get(
    SITE + "/models/{name}/versions/{version}/flow", dependencies=[Depends(Needs("workspaces/models/versions/read"))]
)
def get_model_flow(name: str, version: str, here: Here) -> Response:
    """Inputs and outputs with their types, the chat's parts, and the connections with who uses them. Read from the
    files, none of which is run: what a flex flow's code alone decides stays out."""
    with here.store.reading() as tx:
        record = tx.get(Kind.MODEL_VERSION, MODELS.version_id(here, name, version))
    definition = check_flow(
        here.contents.locate(record.spec.content_hash),
        f"{name}:{record.name}",
        from_environment=True,
        adds_packages=True,
    )
    body = {
        "id": f"{record.id}/flow",
        "name": "flow",
        "type": f"{PROVIDER}/workspaces/models/versions/flow",
        "properties": described(definition),
    }
    return Response(as_json(body), media_type="application/json")
