"""Phones: read from text, normalised, shown. Pure: no database, no Slack, no files."""
