"""`python -m release.publish`: the stack's zip and its checksum, as assets of the release of the pushed tag.

The button in the README leads to the asset `mlops-stack.zip` of the latest release.
"""

import json
import shutil
import subprocess
import sys
import zipfile

from release import stack

ASSETS = (stack.TARGET, stack.TARGET.with_suffix(".zip.sha256"))


def publish() -> None:
    """Publish what `make stack` has made.

    Raises:
        ValueError: when GitHub's command line, the tag, or a zip of this very commit is missing.
        subprocess.CalledProcessError: when GitHub refuses; `gh` has said why.
    """
    if not shutil.which("gh"):
        raise ValueError("gh is not on PATH: GitHub's command line is expected there. Remedy: install it.")
    release = stack.release()
    tag = f"v{release['version']}"
    if tag not in stack.tags():
        raise ValueError(
            f"The commit's tags are {stack.tags()}: {tag} is expected, by the version in pyproject.toml. "
            f"Remedy: git tag {tag} && git push origin {tag}"
        )
    release["commit"] = release["commit"].removesuffix(stack.CHANGED)
    if (made := _made()) != release:
        raise ValueError(
            f"{stack.TARGET.name} is {made}: {release} is expected. "
            "Remedy: put away what is changed (git stash), then: make stack"
        )
    known = subprocess.run(["gh", "release", "view", tag], capture_output=True, check=False).returncode == 0
    how = ("upload", tag, "--clobber") if known else ("create", tag, "--verify-tag", "--generate-notes")
    subprocess.run(["gh", "release", *how, *map(str, ASSETS)], check=True)


def _made() -> object:
    """Which release the zip says it is; None where there is no zip."""
    if not stack.TARGET.exists():
        return None
    return json.loads(zipfile.ZipFile(stack.TARGET).read("release.json"))


if __name__ == "__main__":
    try:
        publish()
    except ValueError as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
