"""What is measured while things run."""
