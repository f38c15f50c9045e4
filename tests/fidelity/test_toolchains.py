"""Where a change is judged (CI=true) no stranger may be missing. Elsewhere this module is not collected."""

import pytest

from tests.fidelity.toolchains import TOOLCHAINS, Toolchain


@pytest.mark.parametrize("toolchain", [pytest.param(toolchain, id=toolchain.name) for toolchain in TOOLCHAINS])
def test_everything_is_installed(toolchain: Toolchain) -> None:
    """The toolchain and the strangers' packages for it are here."""
    assert toolchain.lacking is None, toolchain.lacking
