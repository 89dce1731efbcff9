"""`make publish` in a repository of its own, where GitHub's command line is one that only writes down."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from release import publish, stack

ROOT = Path(__file__).parents[2]
COPIED = ("Makefile", "pyproject.toml", "dags", "release", "resource-manager", "services/local/preflight.py")
NEEDED = ("bash", "git", "make", "mkdir", "uv")
TAG = f"v{stack.release()['version']}"


class Repository:
    """A copy with one commit; `asked` is what `gh` was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "repository"
        self.programs = folder / "programs"
        self._asked = folder / "asked"
        for name in COPIED:
            _copy(ROOT / name, self.folder / name)
        self.programs.mkdir()
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        for program in NEEDED:
            if found := shutil.which(program, path=path):
                (self.programs / program).symlink_to(found)
        self.git("init", "--quiet")
        self.git("add", "--all")
        self.commit("One")

    def git(self, *arguments: str) -> None:
        who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
        subprocess.run(
            ["git", *who, *arguments], cwd=self.folder, env=environment, check=True, capture_output=True
        )

    def commit(self, message: str) -> None:
        self.git("commit", "--quiet", "--allow-empty", "--message", message)

    def make(self, target: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", target, f"PYTHON={sys.executable}"],
            cwd=self.folder,
            env={"PATH": str(self.programs), "HOME": str(self.folder), "MLOPS_DISK_MB": "0"},
            capture_output=True,
            text=True,
            check=False,
        )

    def refusal(self) -> str:
        """What `make publish` says, to the end of its sentence; nothing is published."""
        done = self.make("publish")
        assert (done.returncode, self.asked) == (2, [])
        return done.stderr.splitlines()[0]

    def add_gh(self) -> None:
        gh = self.programs / "gh"
        gh.write_text(f'#!{self.programs}/bash\necho "$*" >> {self._asked}\n[[ $2 != view ]]\n')
        gh.chmod(0o755)

    @property
    def asked(self) -> list[str]:
        return self._asked.read_text().splitlines() if self._asked.exists() else []


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


@pytest.mark.parametrize("name", ["README.md", "README.pt-BR.md"])
def test_the_button_leads_to_what_is_published(name: str) -> None:
    button = re.findall(r"/releases/latest/download/([\w.-]+)", (ROOT / name).read_text())
    assert button == [publish.ASSETS[0].name]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_without_githubs_command_line_nothing_is_published(repository: Repository) -> None:
    repository.git("tag", TAG)
    assert repository.refusal().startswith("gh is not on PATH: ")


def test_without_the_tag_of_the_version_nothing_is_published(repository: Repository) -> None:
    repository.add_gh()
    repository.git("tag", "v0.0.1-other")
    assert repository.refusal() == (
        f"The commit's tags are ['v0.0.1-other']: {TAG} is expected, by the version in pyproject.toml. "
        f"Remedy: git tag {TAG} && git push origin {TAG}"
    )


def test_a_zip_of_another_commit_is_not_published(repository: Repository) -> None:
    repository.add_gh()
    assert repository.make("stack").returncode == 0
    repository.commit("Two")
    repository.git("tag", TAG)
    assert repository.refusal().startswith("mlops-stack.zip is {")


def test_a_zip_of_changed_files_is_not_published(repository: Repository) -> None:
    repository.add_gh()
    repository.git("tag", TAG)
    (repository.folder / "Makefile").chmod(0o755)
    assert repository.make("stack").returncode == 0
    assert "-changed" in repository.refusal()


def test_the_zip_and_its_checksum_become_assets_of_the_tags_release(repository: Repository) -> None:
    repository.add_gh()
    repository.git("tag", TAG)
    assert repository.make("stack").returncode == 0
    done = repository.make("publish")
    assert done.returncode == 0, done.stderr
    dist = repository.folder / "dist"
    assets = f"{dist}/mlops-stack.zip {dist}/mlops-stack.zip.sha256"
    assert repository.asked == [
        f"release view {TAG}",
        f"release create {TAG} --verify-tag --generate-notes {assets}",
    ]
    assert (dist / "mlops-stack.zip.sha256").exists()
