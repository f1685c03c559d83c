"""`python -m tars` is `tars`."""

from tars._entry import leave, main

leave(main())
