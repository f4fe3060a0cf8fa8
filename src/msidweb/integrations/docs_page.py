"""FastAPI's docs page: what its sign-in is filled with, and Swagger UI from a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.requests import Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from msidweb.errors import InvalidCallError

_FILES = {
    "swagger_js_url": "swagger-ui-bundle.js",
    "swagger_css_url": "swagger-ui.css",
    "swagger_favicon_url": "favicon-32x32.png",
}


def serve_docs(app: FastAPI, assets: str | os.PathLike[str] | None) -> None:
    """Put a page that signs in in the place of FastAPI's; nothing where *app* has none.

    Args:
        app: The application, its ``swagger_ui_init_oauth`` set.
        assets: Folder of npm's ``swagger-ui-dist``, served beside the page; without one the
            browser loads Swagger UI from where FastAPI says.

    Raises:
        InvalidCallError: The folder is not that of Swagger UI.
    """
    if assets is not None:
        _check_assets(Path(assets))
    place = next(
        (
            index
            for index, route in enumerate(app.router.routes)
            if getattr(route, "path", None) == app.docs_url is not None
        ),
        None,
    )
    if place is None:
        return
    served = f"{app.docs_url}/assets"

    async def docs(request: Request) -> HTMLResponse:
        # Where a proxy, or an application around this one, shows it; the browser must know.
        root = request.scope.get("root_path", "").rstrip("/")
        redirect = app.swagger_ui_oauth2_redirect_url
        files = {key: f"{root}{served}/{name}" for key, name in _FILES.items()}
        return get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=f"{app.title} - Swagger UI",
            oauth2_redirect_url=f"{root}{redirect}" if redirect else None,
            init_oauth=_sign_in(app),
            swagger_ui_parameters=app.swagger_ui_parameters,
            **({} if assets is None else files),
        )

    # At the place of the other one: what stands before a catch-all must go on doing so.
    del app.router.routes[place]
    app.add_route(f"{app.docs_url}", docs, include_in_schema=False)
    app.router.routes.insert(place, app.router.routes.pop())
    if assets is not None:
        app.mount(served, StaticFiles(directory=assets), name="swagger-ui")
        app.router.routes.insert(place, app.router.routes.pop())


def _sign_in(app: FastAPI) -> dict[str, Any]:
    """What the form is filled with; the scope too where there is no choice: Entra ID wants one."""
    schemes = app.openapi().get("components", {}).get("securitySchemes", {}).values()
    offered = {
        scope
        for scheme in schemes
        for flow in scheme.get("flows", {}).values()
        for scope in flow["scopes"]
    }
    chosen = {"scopes": [*offered]} if len(offered) == 1 else {}
    return {**chosen, **(app.swagger_ui_init_oauth or {})}


def _check_assets(folder: Path) -> None:
    missing = [name for name in _FILES.values() if not (folder / name).is_file()]
    if missing:
        raise InvalidCallError(
            f"swagger_assets is no folder of Swagger UI: it has no {missing[0]}.",
            code="invalid_argument",
            remedy="npm install --ignore-scripts swagger-ui-dist, and name its folder",
        )
