"""
The texting platform's way in: an HTTP API, JSON under `/v1`, whose document is made from what serves it.

It is a second door to the same list: each endpoint reads a request, calls one verb of the store and says what came of it.
"""
