"""The readable text of a web page."""

import httpx
from bs4 import BeautifulSoup
from promptflow.core import tool

LONGEST = 8000
"""Characters handed on: enough to tell what a page is, and few enough for a small model."""


@tool
async def fetch(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url!r} is no web address: it begins with neither http:// nor https://.")
    async with httpx.AsyncClient(follow_redirects=True, timeout=20) as client:
        page = await client.get(url, headers={"user-agent": "classify-page"})
    page.raise_for_status()
    soup = BeautifulSoup(page.text, "html.parser")
    for element in soup(["script", "style", "nav", "footer"]):
        element.decompose()
    return " ".join(soup.get_text(" ").split())[:LONGEST]
