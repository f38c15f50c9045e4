"""Block Kit: pure functions from store values to messages."""
