"""The files of deploy/ and the page that goes with them: what can be seen of them without building an image or starting a service."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from bot.config import Settings, variable_of
from tests.fidelity.toolchains import in_ci

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
NAMES = {variable_of(name) for name in Settings.model_fields}
# What a desk's proxy passes on, and what it keeps to itself.
PASSED_ON = ("/slack/events", "/slack/install", "/slack/oauth_redirect", "/v1/phones/+12125550100", "/hooks/twilio/abc")
KEPT = ("/metrics", "/readyz", "/healthz", "/", "/slack/events/more")
# Of those that a service may have, the ones that are of use here: https://github.com/compose-spec/compose-spec/blob/main/05-services.md.
# Whoever misspells one has it left out, as of rights that were to be dropped.
OF_A_SERVICE = {
    "build",
    "cap_drop",
    "command",
    "depends_on",
    "env_file",
    "environment",
    "healthcheck",
    "image",
    "ports",
    "read_only",
    "restart",
    "security_opt",
    "stop_grace_period",
    "tmpfs",
    "volumes",
}


def test_every_setting_that_is_named_is_one() -> None:
    """A variable of the desk's in a file of deploy/, or on the page, is one that it reads."""
    pages = [*DEPLOY.iterdir(), ROOT / "docs" / "install.md"]
    named = {
        name
        for page in pages
        for name in re.findall(r"\b(?:OPTOUT|SLACK)_[A-Z_]+\b|\bDATABASE_URL\b", page.read_text())
    }
    assert {"DATABASE_URL", "OPTOUT_PUBLIC_URL", "SLACK_APP_TOKEN"} <= named <= NAMES


def test_what_the_image_copies_is_there_and_all_that_is_served() -> None:
    """Each source of a COPY exists, and the packages of the wheel are among them; it ends as nobody's user."""
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    copied = {name for line in lines if re.match(r"COPY (?!--from)", line) for name in line.split()[1:-1]}
    assert {"bot", "handlers", "store", "manifest.yml", "requirements.txt"} <= copied
    assert all((ROOT / name).exists() for name in copied)
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users
    assert int(users[-1]) > 0


def test_the_compose_file_says_what_the_page_says() -> None:
    """Both desks read only, without rights, reachable from this machine alone, after the database and the tables are there."""
    services = yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"]
    assert set(services) == {"database", "migrate", "desk"}
    assert {name for one in services.values() for name in one} <= OF_A_SERVICE
    for name, command in (("migrate", "migrate"), ("desk", "serve")):
        one = services[name]
        assert (one["command"], one["read_only"], one["cap_drop"]) == ([command], True, ["ALL"])
        assert one["depends_on"]["database"] == {"condition": "service_healthy"}
        assert (DEPLOY / one["build"]["context"] / one["build"]["dockerfile"]).is_file()
    assert services["desk"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert all(port.startswith("127.0.0.1:") for port in services["desk"]["ports"])


@pytest.mark.parametrize("path", [*PASSED_ON, *KEPT])
def test_the_proxy_passes_on_what_is_for_others(path: str) -> None:
    """Slack's requests, the API and the hooks; health, readiness and metrics are for whoever runs the desk."""
    (pattern,) = re.findall(r"location ~ (\S+) \{", (DEPLOY / "nginx.conf").read_text())
    (listed,) = re.findall(r"@desk path (.+)", (DEPLOY / "Caddyfile").read_text())
    # https://caddyserver.com/docs/caddyfile/matchers#path: exact, but for a star at its end
    by_caddy = any(path.startswith(one[:-1]) if one.endswith("*") else path == one for one in listed.split())
    assert (re.search(pattern, path) is not None, by_caddy) == ((path in PASSED_ON),) * 2


@pytest.mark.strangers
@pytest.mark.parametrize("program", ["nginx", "caddy"])
def test_a_proxy_takes_what_is_written_for_it(tmp_path: Path, program: str) -> None:
    """By its own look at its file, with a certificate of the test's in the place of the page's."""
    tool = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    if tool is None and not in_ci():
        pytest.skip(f"{program} is not installed: apt-get install {program}")
    assert tool is not None
    if program == "caddy":
        command = [tool, "adapt", "--validate", "--config", str(DEPLOY / "Caddyfile")]
    else:
        certificate = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=desk.example.org")
        subprocess.run(
            [*certificate, "-keyout", "privkey.pem", "-out", "fullchain.pem"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )
        site = (DEPLOY / "nginx.conf").read_text().replace("/etc/letsencrypt/live/desk.example.org", str(tmp_path))
        (tmp_path / "site.conf").write_text(site)
        of_here = "".join(f"{of}_temp_path {of};" for of in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (tmp_path / "nginx.conf").write_text(
            f"pid pid; events {{}} http {{ access_log off; {of_here} include site.conf; }}"
        )
        command = [tool, "-t", "-p", f"{tmp_path}/", "-e", "stderr", "-c", "nginx.conf"]
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr.lower()


@pytest.mark.strangers
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze` has nothing to say of it but that the exposure is small."""
    tool = shutil.which("systemd-analyze")
    if tool is None and not in_ci():
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")
    assert tool is not None
    unit = tmp_path / "opt-out-desk.service"
    text = (DEPLOY / unit.name).read_text()
    # What is started is to be there.
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", text))
    done = subprocess.run([tool, "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run([tool, "security", "--offline=true", unit], capture_output=True, text=True, check=False)
    found = re.search(r"exposure level for opt-out-desk\.service: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) < 2.5
