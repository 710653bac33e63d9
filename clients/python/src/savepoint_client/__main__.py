"""`python -m savepoint_client` is the command `savepoint-client`."""

import sys

from savepoint_client.command import main

sys.exit(main())
