"""A server of prices: ``GET /prices/apple``."""

import os

import uvicorn
from shop.catalog.stock import price, things
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def show(request: Request) -> JSONResponse:
    """The price of one thing."""
    try:
        return JSONResponse({"price": price(request.path_params["name"])})
    except LookupError as e:
        return JSONResponse({"error": str(e)}, status_code=404)


async def overview(_: Request) -> JSONResponse:
    """The names of all things."""
    return JSONResponse(things())


app = Starlette(routes=[Route("/", overview), Route("/prices/{name}", show)])


def main() -> None:
    """Serve until it is stopped."""
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
