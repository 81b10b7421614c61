"""What a node runs: python, prompt, llm and package tools; the built-in tools."""
