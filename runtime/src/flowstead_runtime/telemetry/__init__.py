"""What an instance tells besides its answers: spans, metrics, collected data."""
