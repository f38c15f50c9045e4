"""Background work: lists and exports, done by child processes."""
