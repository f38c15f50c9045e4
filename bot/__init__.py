"""Start of the desk: settings, logs, the connection to Slack and the command line."""
