"""What runs on a schedule: it completes what was interrupted, and removes what nothing needs any more."""
