"""Starts things: settings, logs, the connection to Slack and the command line."""
