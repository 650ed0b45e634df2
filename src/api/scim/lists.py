"""Lists of users and groups: filtered, sorted, a page at a time."""

import re
from collections.abc import Mapping
from typing import Any

from scim2_models import Context, ListResponse, SearchRequest, TooManyException

from api.scim.groups import Groups
from api.scim.models import POLICY, RESULTS_MAX
from api.scim.users import Users

LOOKED_AT_MAX = 2_000
"""A filter that needs more than this looked at is refused: name what you look for."""
PARAMETERS = (
    "filter", "startIndex", "count", "sortBy", "sortOrder", "attributes", "excludedAttributes",
)  # fmt: skip
_EQUAL = re.compile(r'\s*(\w+)\s+eq\s+"((?:[^"\\]|\\["\\/])*)"\s*', re.IGNORECASE)


def parameters_of(query: Mapping[str, str], model: Any) -> Any:
    """The parameters of a search that stand in a query; others are passed over."""
    given = {name: query[name] for name in PARAMETERS if name in query}
    return search_of(given, model)


def search_of(given: Mapping[str, Any], model: Any) -> Any:
    """A search of one kind of resource."""
    told = {name: value for name, value in given.items() if name in {*PARAMETERS, "schemas"}}
    return SearchRequest[model].model_validate(
        told, scim_ctx=Context.SEARCH_REQUEST, scim_policy=POLICY
    )


async def listed(resources: Users | Groups, search: Any) -> dict[str, Any]:
    """A page of what was looked for, as it is answered.

    Raises:
        TooManyException: too many would have to be looked at.
    """
    first = search.start_index or 1
    count = RESULTS_MAX if search.count is None else min(search.count, RESULTS_MAX)
    if search.filter is None and search.sort_by is None:
        ids, total = await resources.page(first - 1, count)
        shown: list[Any] = list(await resources.told(ids))
    else:
        found = search.sort(await _found(resources, search))
        shown, total = found[first - 1 : first - 1 + count], len(found)
    answer = ListResponse[resources.model](  # type: ignore[name-defined]  # of either kind
        total_results=total, start_index=first, items_per_page=len(shown), resources=shown
    )
    told: dict[str, Any] = answer.model_dump(
        scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=search
    )
    if not shown:
        told["Resources"] = []
    return told


async def _found(resources: Users | Groups, search: Any) -> list[Any]:
    equal = _EQUAL.fullmatch(str(search.filter)) if search.filter is not None else None
    if equal is not None and equal[1].lower() in resources.eq:
        value = re.sub(r"\\(.)", r"\1", equal[2])
        ids = await resources.equal(equal[1].lower(), value)
    else:
        ids, total = await resources.page(0, LOOKED_AT_MAX)
        if total > LOOKED_AT_MAX:
            raise TooManyException(detail="name what you look for: userName eq, externalId eq")
    found: list[Any] = list(await resources.told(ids))
    return [each for each in found if search.filter is None or search.filter.match(each)]
