"""Bodies of requests, where they are long."""
