"""The HTTP edge: the server, and what it knows of a request's peer and host."""
