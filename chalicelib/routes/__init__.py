"""One blueprint per resource: parse, call one service, render. endpoint.py has what all of them share."""
