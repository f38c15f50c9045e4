"""What the strangers' programs need beyond Python, and what is said where it is missing."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
MODULES = HERE.parent / "node" / "node_modules"
# Where Debian's golang-github-*-dev packages put their sources.
GOPATH = Path("/usr/share/gocode")


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A language beside Python, and the strangers' packages for it."""

    name: str
    program: str
    packages: Path
    checks: str
    install: str

    @property
    def lacking(self) -> str | None:
        """A sentence when the checks cannot run here; None when they can."""
        if shutil.which(self.program) is None:
            reason = f"{self.name} is not installed"
        elif not self.packages.is_dir():
            reason = f"the packages for {self.name} are not installed"
        else:
            return None
        return f"fidelity: {reason}; the checks by {self.checks} are absent ({self.install})"


NODE = Toolchain(
    name="Node",
    program="node",
    packages=MODULES / "@slack" / "bolt",
    checks="Bolt for JavaScript, @slack/web-api, the types, the made-up platform, Twilio, Telnyx and Standard Webhooks",
    install="install nodejs and npm, then `make test-all`",
)
GO = Toolchain(
    name="Go",
    program="go",
    packages=GOPATH / "src" / "github.com" / "slack-go" / "slack",
    checks="slack-go",
    install="apt-get install golang-go golang-github-slack-go-slack-dev",
)
TOOLCHAINS = (NODE, GO)


def lacking() -> list[str]:
    """A sentence for each toolchain that is not here."""
    return [sentence for toolchain in TOOLCHAINS if (sentence := toolchain.lacking) is not None]


def in_ci() -> bool:
    """Whether everything must be here: the checks may be absent on a person's machine, not where a change is judged."""
    return os.environ.get("CI", "").lower() in ("1", "true")
