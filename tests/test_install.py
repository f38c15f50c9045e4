"""docs/install.md, followed to the letter: from an empty machine to a desk that answers, and what only root or Docker can do, up to there."""

import asyncio
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from bot.sandbox import EmbeddedSlack, SandboxClient
from tests.desks import ACK_LIMIT, Bot
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[1]
CONTAINERFILE = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")
# What belongs to root and to Docker: each says what it was asked to do, and does nothing.
MANAGERS = ("systemctl", "journalctl", "systemd-run", "docker")
SHIM = '#!/bin/sh\nprintf "%s\\n" "${0##*/} $*" >> "$ASKED"\n'


def blocks(heading: str) -> list[str]:
    """The commands of the page below *heading*, block by block."""
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    return re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


def copied() -> list[str]:
    """What the image is built from: all that anything can be installed from."""
    lines = [line.split() for line in CONTAINERFILE.splitlines() if re.match(r"COPY (?!--from)", line)]
    return [name for line in lines for name in line[1:-1]]


@dataclass(frozen=True, slots=True)
class Machine:
    """An empty machine below a directory: what the page says of `/opt`, `/etc` and `/var` is there."""

    root: Path

    @classmethod
    def at(cls, root: Path) -> "Machine":
        for name in ("opt", "etc/systemd/system", "var/lib/opt-out-desk", "bin", "sources"):
            (root / name).mkdir(parents=True)
        (root / "var/lib/opt-out-desk").chmod(0o700)
        for name in MANAGERS:
            shim = root / "bin" / name
            shim.write_text(SHIM)
            shim.chmod(0o755)
        # The one that the tests' own environment is of, whatever else the machine has.
        python = root / "bin" / "python3"
        own = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(str(own))} "$@"\n')
        python.chmod(0o755)
        # Built from nothing but what is in the image, so that both are enough.
        for name in (*copied(), "deploy"):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, root / "sources" / name)
        return cls(root)

    def here(self, text: str) -> str:
        """*text* with its paths as they are below the directory."""
        return re.sub(r"(?<![\w.$}])/(opt|etc|var)(?=/)", rf"{self.root}/\1", text)

    @property
    def asked(self) -> list[str]:
        """What root and Docker were asked to do."""
        return (self.root / "asked").read_text().splitlines()

    async def run(self, script: str) -> None:
        """Run *script* as it stands on the page, in the directory of the sources, stopping where something fails."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SLACK"))}
        variables |= {"PATH": f"{self.root / 'bin'}:{variables['PATH']}", "ASKED": str(self.root / "asked")}
        # What the file of requirements pins is there, see `stock`, and nothing is asked of any registry. That last value is
        # pip's way to say that nothing is put into an environment of the build's own, where it would have to be.
        variables |= {"PIP_NO_INDEX": "1", "PIP_NO_COMPILE": "1", "PIP_NO_BUILD_ISOLATION": "0"}
        process = await asyncio.create_subprocess_exec(
            *("sh", "-e", "-c", self.here(script)),
            cwd=self.root / "sources",
            env=variables,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()

    def stock(self) -> None:
        """
        Put what the tests' own environment has within reach of the one that was made.

        It was installed from the same file with the same hashes; here pip looks whether all of that is there.
        """
        (place,) = (self.root / "opt/opt-out-desk/lib").glob("python3*/site-packages")
        (place / "dependencies.pth").write_text(str(Path(click.__file__).parents[1]))

    def unit(self) -> dict[str, list[str]]:
        """The unit that was installed: each setting with its values."""
        text = (self.root / "etc/systemd/system/opt-out-desk.service").read_text()
        found: dict[str, list[str]] = {}
        for name, value in re.findall(r"^(\w+)=(.*)$", self.here(text), re.MULTILINE):
            found.setdefault(name, []).append(value)
        return found

    def environment(self) -> dict[str, str]:
        """What systemd gives the unit's program, and nothing of ours."""
        unit = self.unit()
        files = [Path(name).read_text() for name in unit["EnvironmentFile"]]
        lines = [line for text in (*files, "\n".join(unit["Environment"])) for line in text.splitlines() if line]
        return {"PATH": os.defpath} | dict(line.split("=", 1) for line in lines)


def written(block: str, slack: EmbeddedSlack) -> str:
    """The page's lines of `/etc/opt-out-desk.env` with the tokens filled in, and where this Slack is."""
    filled = block.replace("xoxb-...", slack.bot_token).replace("xapp-...", slack.app_token)
    # Other desks have the port in other tests.
    return f"{filled}SLACK_API_URL={slack.api_url}\nOPTOUT_PORT=0\n"


async def healthy(address: str, environment: Mapping[str, str]) -> bool:
    """What the image asks to know whether it is healthy."""
    (check,) = re.findall(r"HEALTHCHECK .*?CMD (\[.*?\])$", CONTAINERFILE, re.DOTALL | re.MULTILINE)
    _, *arguments = json.loads(check.replace("http://127.0.0.1:3000", address))
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, env=environment)
    return await process.wait() == 0


@pytest.mark.wide
async def test_the_page_is_followed_to_a_desk_that_answers(tmp_path: Path) -> None:
    """
    *With systemd*, command by command in a directory that has nothing but what the image is built from.

    Then the unit's own program with the unit's own environment: it answers a command in Slack, and `doctor` is content.
    """
    machine, content = Machine.at(tmp_path / "machine"), r"(?:[A-Z_]+=.*\n)+"
    install, env_file, start, look = blocks("With systemd")
    assert re.fullmatch(content, env_file), "what is written into the file of variables"
    async with EmbeddedSlack(ack_limit=ACK_LIMIT) as slack, SandboxClient(slack.url) as people:
        empty, *packages = install.splitlines()
        await machine.run(empty)
        machine.stock()
        await machine.run("\n".join(packages))
        variables = machine.root / "etc/opt-out-desk.env"
        assert stat.S_IMODE(variables.stat().st_mode) == 0o600
        variables.write_text(written(env_file, slack))
        await machine.run(start)
        assert machine.asked[:2] == ["systemctl daemon-reload", "systemctl enable --now opt-out-desk"]
        unit, environment = machine.unit(), machine.environment()
        state = Path(unit["WorkingDirectory"][0])
        process = await asyncio.create_subprocess_exec(
            *shlex.split(unit["ExecStart"][0]), cwd=state, env=environment, umask=int(unit["UMask"][0], 8), stderr=PIPE
        )
        bot = Bot(process)
        listening = asyncio.create_task(bot.listen())
        try:
            async with asyncio.timeout(PATIENCE):
                address = await bot.serving
            await people.until(lambda state: state.connected or None)
            assert (await people.command("admin", "campaign-admins", "/optout add 212 555 0100")).ok
            await people.until(
                lambda state: any("opted out" in one.text for one in state.channel("campaign-admins").messages)
            )
            assert await healthy(address, environment)
            await machine.run(look)
            *_, program, command = machine.asked[-1].split()
            doctor = await asyncio.create_subprocess_exec(
                program, command, cwd=state, env=environment, stdout=PIPE, stderr=STDOUT
            )
            said, _ = await doctor.communicate()
            assert doctor.returncode == 0, said.decode()
            await bot.terminate()
        finally:
            if process.returncode is None:
                process.kill()
            await listening
    assert stat.S_IMODE((state / "desk.db").stat().st_mode) == 0o600


async def test_the_container_s_commands_are_what_they_seem(tmp_path: Path) -> None:
    """*As a container*: the password is there, made anew and read by nobody else who may not, before anything is started."""
    machine = Machine.at(tmp_path / "machine")
    (commands,) = blocks("As a container, with PostgreSQL")
    (machine.root / "sources/deploy/.env").write_text("SLACK_BOT_TOKEN=xoxb-1\n")
    await machine.run(commands)
    assert machine.asked == [
        "docker compose up --build --detach",
        "docker compose logs --follow desk",
        "docker compose run --rm desk doctor",
    ]
    assert re.search(
        r"^POSTGRES_PASSWORD=[0-9a-f]{48}$", (machine.root / "sources/deploy/.env").read_text(), re.MULTILINE
    )


def test_the_image_is_installed_as_the_page_says() -> None:
    """Its steps are those of the page, which are followed above; where they differ is a cache that no image wants."""
    install, *_ = blocks("With systemd")
    page = [line.replace("/opt/opt-out-desk", "/desk") for line in install.splitlines()]
    image = re.findall(r"^RUN (.*(?:-m venv|pip install).*)$", CONTAINERFILE, re.MULTILINE)
    steps = [step.replace(" --no-cache-dir", "").replace("python -m venv", "python3 -m venv") for step in image]
    assert steps == page[: len(steps)]


def test_the_image_is_as_its_linter_wants_it() -> None:
    """`hadolint`, which looks at each instruction and at the shell in it, has nothing to say."""
    tool = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert tool is not None, "make lint installs it: it is in requirements-dev.txt"
    done = subprocess.run([tool, ROOT / "deploy" / "Containerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
