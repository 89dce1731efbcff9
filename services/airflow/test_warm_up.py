import gc

from services.airflow import warm_up
from services.serving.prediction_api.test_model_server import answering


def test_garbage_is_collected_once_the_server_answers() -> None:
    gc.disable()
    try:
        with answering(200, {}) as server:
            warm_up._finish(f"http://127.0.0.1:{server.server_port}/")
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.enable()
