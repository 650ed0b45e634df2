"""`python -m ops.cli` is the merit command."""

import sys

from ops.cli import main

sys.exit(main())
