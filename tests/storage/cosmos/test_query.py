"""The text of queries reads a composite index in order, if the container declares one."""

import pytest

from persistence.storage.containers import CONTAINERS, SESSIONS, Container
from persistence.storage.cosmos import query as cosmos_query
from persistence.storage.query import Filter, Operator, Query, Sort

UPDATED, CREATED = "metadata.updated_at", "metadata.created_at"


def ordering(container: Container, sort: Sort, *filters: Filter) -> tuple[tuple[str, ...], str]:
    """Returns the paths and the direction of ORDER BY."""
    text, _ = cosmos_query.select(container, Query("session", "ann", ("id",), filters, sort))
    terms = [term.rsplit(" ", 1) for term in text.partition(" ORDER BY ")[2].split(", ")]
    [direction] = {direction for _, direction in terms}
    paths = tuple(path.removeprefix('c["').removesuffix('"]').replace('"]["', ".") for path, _ in terms)
    return paths, {"ASC": "ascending", "DESC": "descending"}[direction]


def of_status(*values: str) -> Filter:
    return Filter("status", Operator.IN, values)


@pytest.mark.parametrize(
    ("sort", "status", "paths"),
    [
        (Sort(UPDATED, descending=True), Filter("status", Operator.EQUAL, "draft"), ("status", UPDATED, "id")),
        (
            Sort("metadata.last_accessed_at", True),
            of_status("draft"),
            ("status", "metadata.last_accessed_at", "id"),
        ),
        (Sort(UPDATED, descending=True), of_status("active", "closed"), (UPDATED, "id")),
        (Sort(UPDATED), of_status("draft"), (UPDATED, "id")),
        (Sort(CREATED, descending=True), of_status("draft"), (CREATED, "id")),
        (Sort("id", descending=True), of_status("draft"), ("id",)),
    ],
    ids=["one status", "in one status", "several", "ascending", "no such index", "by id"],
)
def test_a_list_of_one_status_is_read_from_the_index_that_starts_with_it(
    sort: Sort, status: Filter, paths: tuple[str, ...]
) -> None:
    assert ordering(SESSIONS, sort, status)[0] == paths


def test_a_list_that_names_no_status_is_read_by_its_sort_alone() -> None:
    assert ordering(SESSIONS, Sort(UPDATED, descending=True)) == ((UPDATED, "id"), "descending")


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda container: container.name)
def test_every_order_of_several_paths_has_its_composite_index(container: Container) -> None:
    # Cosmos DB refuses the query otherwise.
    declared = {
        (tuple(one["path"][1:].replace("/", ".") for one in index), index[0]["order"])
        for index in container.indexing_policy()["compositeIndexes"]
    }
    named = [()] + [tuple(Filter(path, Operator.EQUAL, "x") for path in each.by) for each in container.lists]
    for path in container.ordered - {"id"}:
        for filters in named:
            for descending in {False, path in container.sorts}:
                assert ordering(container, Sort(path, descending), *filters) in declared
