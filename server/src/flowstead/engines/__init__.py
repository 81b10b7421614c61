"""Where instances run: the protocol every engine keeps, and the engines."""
