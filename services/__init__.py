"""What runs: one folder a role, and `local`, which runs all of them on one machine."""
