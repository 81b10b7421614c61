"""The fake LLM provider, over the real wire protocol."""
