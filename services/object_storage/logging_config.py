"""Airflow's `[logging] logging_config_class`: its own logging, with task logs at `remote_base_log_folder`.

`[logging] remote_logging` must stay off: it makes Airflow look for `oci://` among its own providers.
"""

from pathlib import Path

from airflow.config_templates.airflow_local_settings import DEFAULT_LOGGING_CONFIG
from airflow.configuration import conf

from services.object_storage.location import Location
from services.object_storage.task_logs import BucketTaskLogs

LOGGING_CONFIG = DEFAULT_LOGGING_CONFIG

REMOTE_TASK_LOG = BucketTaskLogs(
    Location.parse(conf.get_mandatory_value("logging", "remote_base_log_folder")),
    Path(conf.get_mandatory_value("logging", "base_log_folder")),
)
