"""Patience: how long a test waits for what must come. Slowness alone must never fail one, so it is long."""

# Seconds.
PATIENCE = 90.0
