"""Saves dataclasses, pydantic and Django models, each instance as a session."""

from savepoint_client.models.registry import Kind, Registry
from savepoint_client.models.saving import MOST, Models, Saved, Unverified

__all__ = ["MOST", "Kind", "Models", "Registry", "Saved", "Unverified"]
