"""Jobs between institutions: who is who, what is kept, and what crosses the wire."""
