"""Sessions: private documents with a history."""
