"""requirements.txt + the default runtime → an environment on disk, addressed by content, shared by deployments."""
