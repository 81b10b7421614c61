"""Azure ML YAML ↔ REST bodies."""
