"""What abaca costs, beside what the incumbent costs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))  # it starts the tests' PostgreSQL
