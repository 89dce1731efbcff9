"""What a release publishes, made from this checkout."""
