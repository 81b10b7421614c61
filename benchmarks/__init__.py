"""How fast the runtime serves, beside its rival and beside the bare server under it."""
