"""python -m abaca"""

import sys

from abaca.cli import main

sys.exit(main())
