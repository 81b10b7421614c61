"""What an instance may use: what this host can enforce, what that takes, and the doing."""
