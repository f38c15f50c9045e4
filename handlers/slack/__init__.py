"""Slack's side: messages and places, posting and answering, events and interactions. No use case lives here."""
