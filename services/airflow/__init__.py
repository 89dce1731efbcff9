"""Airflow with users, LocalExecutor and DAGs from a bundle, configured by settings alone."""
