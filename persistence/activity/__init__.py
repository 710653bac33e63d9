"""Activity: one line for each change of a session, and for each event beside sessions."""
