"""Lists: files of any kind read row by row, sorted, copied, written. Pure: no database, no Slack."""
