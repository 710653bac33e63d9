"""Drafts: sessions that save themselves."""
