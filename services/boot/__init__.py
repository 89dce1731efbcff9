"""First boot: instance metadata and secrets become environment files, a database and its user."""
