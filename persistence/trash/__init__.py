"""The trash: sessions and drafts that were deleted, and can be restored."""
