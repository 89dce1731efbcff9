"""Object Storage for the roles: MLflow's artifacts, Airflow's DAGs and task logs, below
`oci://bucket@namespace/prefix`.

`bucket` holds everything that talks to OCI; `artifacts`, `dag_bundle` and `task_logs` fit it to MLflow
and Airflow.
"""
