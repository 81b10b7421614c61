"""What exists: endpoint, deployment, model, operation; each a specification (the user's) and a status (ours)."""
