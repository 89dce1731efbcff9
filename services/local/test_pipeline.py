import pytest

from services.local import start
from services.local.failure import Failure
from services.local.pipeline import DAG, Airflow
from services.serving.prediction_api.test_model_server import answering


def test_a_service_that_is_restarted_during_the_start_is_waited_for() -> None:
    with answering(200, {"access_token": "a token"}) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        airflow = Airflow(url, "admin", "a password")
        assert airflow.parsed(DAG)
        answer = start._known(url)
        assert answer
        assert answer.status_code == 200
    assert not airflow.parsed(DAG)
    assert start._known(url) is None
    with pytest.raises(Failure, match=r"Airflow does not answer at .* Remedy: `make logs`"):
        airflow.trigger(DAG)
    airflow.http.close()
