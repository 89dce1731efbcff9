"""What the tasks do: plain functions that know MLflow but not Airflow (`pipeline` alone binds the two)."""


class Final(Exception):
    """A failure that trying again cannot mend; its text says what to do instead."""
