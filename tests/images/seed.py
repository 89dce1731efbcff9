"""Where chance comes from: a seed that is printed, so that a run can be repeated with MLOPS_TEST_SEED."""

import os
import secrets

SEED = int(os.environ.get("MLOPS_TEST_SEED") or secrets.randbelow(1 << 32))
