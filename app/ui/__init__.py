"""The web page's parts: what the server keeps, what the tabs show, and how it looks."""
