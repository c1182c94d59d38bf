"""The faces: command line and web page, over one engine."""
