"""The least that a POST can be on the same server: a body is read into a struct and counted."""

from itertools import count
from typing import Annotated

import msgspec
from litestar import Litestar, post
from litestar.params import Body


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """As the product's own."""

    indicator: str
    points: str


class Ratings(msgspec.Struct, frozen=True, kw_only=True):
    """As the product's own."""

    ratings: tuple[Rating, ...]
    comment: str = ""


class Done(msgspec.Struct, frozen=True):
    """What is answered."""

    id: str
    version: int
    position: int


_NUMBERS = count(1)


@post("/{appraisal_id:str}", status_code=201)
async def rate(appraisal_id: str, data: Annotated[Ratings, Body()]) -> Done:
    """Nothing is checked, decided or kept."""
    return Done(id=appraisal_id, version=len(data.ratings), position=next(_NUMBERS))


app = Litestar(route_handlers=[rate], openapi_config=None)
