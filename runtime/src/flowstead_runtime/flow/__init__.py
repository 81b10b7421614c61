"""What a flow is and how it runs: definition → plan (made once, at start) → execute."""
