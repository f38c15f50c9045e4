"""What is on the disk, looked at while the desk writes and removes it."""

import os
from pathlib import Path


def files_below(directory: Path, *, suffix: str = "") -> list[Path]:
    """Every file below *directory* whose name ends with *suffix*; a folder that goes during the look is one without files."""
    return [Path(folder, name) for folder, _, names in os.walk(directory) for name in names if name.endswith(suffix)]
