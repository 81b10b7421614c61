"""Who this process is towards others: tokens of its endpoint's identity, for the flow's own code too."""
