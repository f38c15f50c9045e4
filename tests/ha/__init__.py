"""High availability: desks beside a PostgreSQL whose leader dies, and another takes its place."""
