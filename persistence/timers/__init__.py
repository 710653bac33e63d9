"""Work on a schedule: it completes what was interrupted, and removes what is no longer needed."""
