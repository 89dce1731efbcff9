"""One prediction at a time over HTTP, on top of the model server, with the web page on the same origin."""
