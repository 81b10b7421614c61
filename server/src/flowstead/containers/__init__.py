"""Container engines, podman and docker, spoken to by their command lines."""
