"""Telling open pages: rooms, the ring, the tail of the facts, the sockets. What is told is decided elsewhere."""
