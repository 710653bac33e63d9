"""The import of sessions and drafts from an export."""
