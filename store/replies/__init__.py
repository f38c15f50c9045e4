"""What people reply to a text: read, and judged by words and signs; pure."""
