"""`python -m tars` is `tars`."""

import sys

from tars._entry import main

sys.exit(main())
